// What can be known without the server: the trust list and the status lists that this browser kept
// when it last had a network, and the offline verifier over them.
import { reason } from "@jiazhao/offline-verifier";

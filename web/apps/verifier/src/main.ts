import "@jiazhao/ui/style.css";
import "./style.css";

import { keepShell, languages, watchNetwork } from "@jiazhao/ui";
import { createApp } from "vue";

import App from "./App.vue";
import { texts } from "./texts.ts";

watchNetwork();
createApp(App).use(languages(texts)).mount("#app");
keepShell("/verify-sw.js", "/verify");

//! To which addresses a push may go. They come from clients: whoever subscribes could name a machine
//! behind the firewall, and have this one speak to it.

use std::{
    future::Future,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    vec,
};

use hyper::Uri;
use hyper_util::client::legacy::connect::dns::{GaiResolver, Name};
use tower::Service;

use crate::config::{PushHost, WebPush, host_and_port};

/// The address, if a push may go there: https, a host of the configuration, and nothing that one
/// reader takes for another address than the next.
pub(super) fn allowed(configured: &WebPush, endpoint: &str) -> Option<Uri> {
    let plain = |byte: u8| byte.is_ascii_graphic() && !b"#\\@".contains(&byte);
    if !endpoint.bytes().all(plain) {
        return None;
    }
    let url: Uri = endpoint.parse().ok()?;
    if url.scheme_str() != Some("https") {
        return None;
    }
    let (host, port) = host_and_port(&url)?;
    configured
        .hosts
        .iter()
        .any(|known| known.is(&host, port))
        .then_some(url)
}

/// Finds the addresses of hosts, and leaves those out that are not public unless the operator named the
/// host itself. It answers at the moment of the connection, so that a name that changes in between
/// gains nothing.
#[derive(Clone)]
pub(super) struct PublicOnly {
    system: GaiResolver,
    hosts: Arc<[PushHost]>,
}

impl PublicOnly {
    pub(super) fn but_for(configured: &WebPush) -> Self {
        Self {
            system: GaiResolver::new(),
            hosts: configured.hosts.clone().into(),
        }
    }
}

impl Service<Name> for PublicOnly {
    type Response = vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), io::Error>> {
        self.system.poll_ready(context)
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let named = self.hosts.iter().any(|host| host.names(name.as_str()));
        let found = self.system.call(name);
        Box::pin(async move {
            let good: Vec<SocketAddr> = found
                .await?
                .filter(|address| named || is_public(address.ip()))
                .collect();
            if good.is_empty() {
                return Err(io::Error::other("the host has no public address"));
            }
            Ok(good.into_iter())
        })
    }
}

/// Whether an address belongs to the internet at large (IANA's special-purpose registries say which do
/// not).
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let special = address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation()
        || address.is_multicast();
    let [first, second, third, _] = address.octets();
    !special
        && !matches!(
            (first, second, third),
            (0 | 240..=255, _, _)
                | (100, 64..=127, _)
                | (192, 0, 0)
                | (192, 88, 99)
                | (198, 18..=19, _)
        )
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [first, second, third, .., sixth, seventh] = address.segments();
    let embedded = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match (first, second) {
        // NAT64 and 6to4 lead to the address that they carry.
        (0x64, 0xff9b) => third == 0 && embedded(sixth, seventh),
        (0x2002, _) => embedded(second, third),
        // Teredo, benchmarking, ORCHID and documentation.
        (0x2001, 0..=0x1ff | 0xdb8) | (0x3fff, 0..=0xfff) => false,
        // Global unicast; all else, mapped addresses among it, is not.
        _ => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::Config;

    fn configured(services: &str) -> WebPush {
        let text = format!("[push]\ncontact = \"mailto:push@authority.example\"\n{services}");
        let config = Config::parse(&text, None, Path::new("data")).unwrap();
        config.push.unwrap()
    }

    #[test]
    fn known_services_are_taken_and_nothing_else() {
        let usual = configured("");
        for good in [
            "https://fcm.googleapis.com/fcm/send/dQ:APA91b",
            "https://fcm.googleapis.com:443/wp/x",
            "https://FCM.googleapis.com/x",
            "https://updates.push.services.mozilla.com/wpush/v2/gAAA",
            "https://web.push.apple.com/QGx",
            "https://wns2-by3p.notify.windows.com/w/?token=BQ%3d",
        ] {
            assert!(allowed(&usual, good).is_some(), "{good}");
        }
        for bad in [
            "http://fcm.googleapis.com/x",
            "https://fcm.googleapis.com:8443/x",
            "https://fcm.googleapis.com.evil.example/x",
            "https://evilfcm.googleapis.com/x",
            "https://push.apple.com.evil.example/",
            "https://evil.example/?https://fcm.googleapis.com/",
            "https://user@fcm.googleapis.com/x",
            "https://fcm.googleapis.com@evil.example/x",
            "https://fcm.googleapis.com\\@evil.example/x",
            "https://fcm.googleapis.com#@evil.example/x",
            "https://fcm.googleapis.com./x",
            "https://fcm.googleapis.com:99999/x",
            "https://fcm.googleapis.com /x",
            "https://127.0.0.1/x",
            "https://[::1]/x",
            "https://[::ffff:10.0.0.1]/x",
            "https://169.254.169.254/latest/meta-data",
            "https://2130706433/",
            "https://localhost/x",
            "//fcm.googleapis.com/x",
            "ftp://fcm.googleapis.com/x",
            "fcm.googleapis.com",
            "https://",
            "",
        ] {
            assert!(allowed(&usual, bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn what_the_operator_names_counts_instead() {
        let own =
            configured("services = [\"push.intranet:8443\", \"*.push.example\", \"10.0.0.7\"]");
        for (endpoint, taken) in [
            ("https://push.intranet:8443/x", true),
            ("https://push.intranet/x", false),
            ("https://a.push.example/x", true),
            ("https://a.b.push.example/x", true),
            ("https://push.example/x", false),
            ("https://10.0.0.7/x", true),
            ("https://10.0.0.8/x", false),
            ("https://fcm.googleapis.com/x", false),
        ] {
            assert_eq!(allowed(&own, endpoint).is_some(), taken, "{endpoint}");
        }
    }

    #[test]
    fn addresses_that_are_not_public_are_left_out() {
        for public in [
            "8.8.8.8",
            "203.0.114.1",
            "2606:4700::1",
            "64:ff9b::808:808",
            "2002:808:808::1",
        ] {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
        for private in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::127.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b:1::808:808",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "3fff::1",
            "fc00::1",
            "fd12::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!is_public(private.parse().unwrap()), "{private}");
        }
    }

    #[tokio::test]
    async fn a_name_of_this_machine_has_no_address_unless_it_was_named() {
        let found = async |configured: &WebPush| {
            let mut resolver = PublicOnly::but_for(configured);
            resolver.call("localhost".parse().unwrap()).await
        };
        assert!(found(&configured("")).await.is_err());
        // A pattern names no host.
        let pattern = configured("services = [\"*.localhost\"]");
        assert!(found(&pattern).await.is_err());
        let named = configured("services = [\"localhost:8443\"]");
        assert!(
            found(&named)
                .await
                .unwrap()
                .all(|address| address.ip().is_loopback())
        );
    }
}

//! Counts for Prometheus: requests by route pattern and status class, and how long they took.
//! A route pattern names no person; nothing else of a request is kept.

use std::{
    collections::BTreeMap,
    fmt::{self, Write as _},
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use authority::Measure;
use axum::http::{Method, StatusCode};

/// Upper bounds of the latency buckets: microseconds, and seconds as Prometheus writes them.
const BUCKETS: [(u64, &str); 12] = [
    (1_000, "0.001"),
    (2_500, "0.0025"),
    (5_000, "0.005"),
    (10_000, "0.01"),
    (25_000, "0.025"),
    (50_000, "0.05"),
    (100_000, "0.1"),
    (250_000, "0.25"),
    (500_000, "0.5"),
    (1_000_000, "1"),
    (5_000_000, "5"),
    (30_000_000, "30"),
];
const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// All series. They are known from the routes, so that counting takes no lock and a client cannot
/// make new ones.
#[derive(Debug)]
pub(crate) struct Metrics {
    series: BTreeMap<(String, String), Series>,
    other: Series,
}

#[derive(Debug, Default)]
struct Series {
    classes: [AtomicU64; 5],
    buckets: [AtomicU64; 12],
    micros: AtomicU64,
}

impl Metrics {
    /// Series for these methods and route patterns, and one for everything else.
    pub(crate) fn new(routes: impl IntoIterator<Item = (String, String)>) -> Self {
        let series = routes.into_iter().map(|route| (route, Series::default()));
        Self {
            series: series.collect(),
            other: Series::default(),
        }
    }

    /// Counts one answer.
    pub(crate) fn count(&self, method: &Method, route: &str, status: StatusCode, took: Duration) {
        let method = match *method {
            // The routes of GET answer HEAD too.
            Method::HEAD => Method::GET.as_str(),
            _ => method.as_str(),
        };
        let known = self.series.get(&(method.to_owned(), route.to_owned()));
        known.unwrap_or(&self.other).count(status, took);
    }

    /// The exposition format, version 0.0.4.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
        match self.write(&mut text) {
            Ok(()) => text,
            Err(fmt::Error) => String::new(),
        }
    }

    fn write(&self, text: &mut String) -> fmt::Result {
        let known = self.series.iter();
        let all: Vec<_> = known
            .map(|((method, route), series)| (method.as_str(), route.as_str(), series))
            .chain([("other", "other", &self.other)])
            .collect();
        text.push_str("# HELP jiazhao_http_requests_total Answers by route and status class.\n");
        text.push_str("# TYPE jiazhao_http_requests_total counter\n");
        for (method, route, series) in &all {
            for (class, count) in CLASSES.iter().zip(&series.classes) {
                let count = count.load(Relaxed);
                if count > 0 {
                    writeln!(
                        text,
                        "jiazhao_http_requests_total{{method=\"{method}\",route=\"{route}\",status=\"{class}\"}} {count}"
                    )?;
                }
            }
        }
        text.push_str("# HELP jiazhao_http_request_seconds Time until the answer's headers.\n");
        text.push_str("# TYPE jiazhao_http_request_seconds histogram\n");
        for (method, route, series) in &all {
            series.write_latency(text, &format!("method=\"{method}\",route=\"{route}\""))?;
        }
        Ok(())
    }
}

/// What is measured besides requests, in the same format.
pub(crate) fn measured(measures: &[Measure]) -> String {
    let mut text = String::new();
    for measure in measures {
        // Writing to a string does not fail.
        if write_measure(&mut text, measure).is_err() {
            return String::new();
        }
    }
    text
}

fn write_measure(text: &mut String, measure: &Measure) -> fmt::Result {
    let Measure {
        name,
        help,
        counter,
        samples,
    } = measure;
    let kind = if *counter { "counter" } else { "gauge" };
    writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}")?;
    for (label, value) in samples {
        match label {
            Some(label) => {
                let (label, of) = (label.name, &label.value);
                writeln!(text, "{name}{{{label}=\"{of}\"}} {value}")?;
            }
            None => writeln!(text, "{name} {value}")?,
        }
    }
    Ok(())
}

impl Series {
    fn count(&self, status: StatusCode, took: Duration) {
        let class = usize::from(status.as_u16() / 100).checked_sub(1);
        if let Some(class) = class.and_then(|class| self.classes.get(class)) {
            class.fetch_add(1, Relaxed);
        }
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.micros.fetch_add(micros, Relaxed);
        let bounds = BUCKETS.iter().zip(&self.buckets);
        for (_, bucket) in bounds.filter(|((bound, _), _)| micros <= *bound) {
            bucket.fetch_add(1, Relaxed);
        }
    }

    fn write_latency(&self, text: &mut String, labels: &str) -> fmt::Result {
        let total: u64 = self.classes.iter().map(|class| class.load(Relaxed)).sum();
        if total == 0 {
            return Ok(());
        }
        let name = "jiazhao_http_request_seconds";
        for ((_, bound), count) in BUCKETS.iter().zip(&self.buckets) {
            // An answer counted between the two reads must not make a bucket exceed the total.
            let count = count.load(Relaxed).min(total);
            writeln!(text, "{name}_bucket{{{labels},le=\"{bound}\"}} {count}")?;
        }
        writeln!(text, "{name}_bucket{{{labels},le=\"+Inf\"}} {total}")?;
        let micros = self.micros.load(Relaxed);
        let (whole, rest) = (micros / 1_000_000, micros % 1_000_000);
        writeln!(text, "{name}_sum{{{labels}}} {whole}.{rest:06}")?;
        writeln!(text, "{name}_count{{{labels}}} {total}")
    }
}

#[cfg(test)]
mod tests {
    use authority::Label;

    use super::*;

    fn metrics() -> Metrics {
        Metrics::new([("GET".to_owned(), "/api/v1/verifications/{id}".to_owned())])
    }

    #[test]
    fn an_answer_is_counted_under_its_pattern_and_class() {
        let metrics = metrics();
        let route = "/api/v1/verifications/{id}";
        let micros = Duration::from_micros;
        metrics.count(&Method::GET, route, StatusCode::OK, micros(900));
        metrics.count(&Method::HEAD, route, StatusCode::OK, micros(1_001));
        metrics.count(&Method::GET, route, StatusCode::GONE, micros(40_000_000));
        let labels = "method=\"GET\",route=\"/api/v1/verifications/{id}\"";
        let text = metrics.text();
        for line in [
            format!("jiazhao_http_requests_total{{{labels},status=\"2xx\"}} 2"),
            format!("jiazhao_http_requests_total{{{labels},status=\"4xx\"}} 1"),
            format!("jiazhao_http_request_seconds_bucket{{{labels},le=\"0.001\"}} 1"),
            format!("jiazhao_http_request_seconds_bucket{{{labels},le=\"0.0025\"}} 2"),
            format!("jiazhao_http_request_seconds_bucket{{{labels},le=\"30\"}} 2"),
            format!("jiazhao_http_request_seconds_bucket{{{labels},le=\"+Inf\"}} 3"),
            format!("jiazhao_http_request_seconds_sum{{{labels}}} 40.001901"),
            format!("jiazhao_http_request_seconds_count{{{labels}}} 3"),
        ] {
            assert!(text.lines().any(|it| it == line), "{line}\n{text}");
        }
    }

    #[test]
    fn a_client_cannot_make_new_series() {
        let metrics = metrics();
        let strange = Method::from_bytes(b"STRANGE").unwrap();
        let second = Duration::from_secs(1);
        metrics.count(
            &strange,
            "/110101199003070011",
            StatusCode::NOT_FOUND,
            second,
        );
        let text = metrics.text();
        assert!(!text.contains("STRANGE") && !text.contains("110101"));
        let line = "jiazhao_http_requests_total{method=\"other\",route=\"other\",status=\"4xx\"} 1";
        assert!(text.lines().any(|it| it == line), "{text}");
    }

    #[test]
    fn a_measure_is_written_with_its_label_or_without() {
        let gauge = Measure {
            name: "jiazhao_queued",
            help: "Waiting.",
            counter: false,
            samples: vec![(None, 3)],
        };
        let outcome = |value: &'static str| Label {
            name: "outcome",
            value: value.into(),
        };
        let counter = Measure {
            name: "jiazhao_total",
            help: "Done.",
            counter: true,
            samples: vec![(Some(outcome("sent")), 1), (Some(outcome("failed")), 0)],
        };
        assert_eq!(
            measured(&[gauge, counter]),
            "# HELP jiazhao_queued Waiting.\n# TYPE jiazhao_queued gauge\njiazhao_queued 3\n\
             # HELP jiazhao_total Done.\n# TYPE jiazhao_total counter\n\
             jiazhao_total{outcome=\"sent\"} 1\njiazhao_total{outcome=\"failed\"} 0\n"
        );
    }

    #[test]
    fn every_line_is_a_comment_or_a_sample() {
        let metrics = metrics();
        let took = Duration::from_millis(3);
        metrics.count(&Method::GET, "/", StatusCode::OK, took);
        for line in metrics.text().lines() {
            let sample = line.rsplit_once("} ").map(|(_, value)| value);
            let number = sample.is_some_and(|value| value.parse::<f64>().is_ok());
            assert!(line.starts_with("# ") || number, "{line}");
        }
    }
}

//! Listeners, framing and ordered pipelines. Never what a request means.

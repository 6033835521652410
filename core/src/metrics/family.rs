//! A family: all samples of one name.

/// What a family's samples are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Only grows, from the node's start on.
    Counter,
    Gauge,
    /// Quantiles of the last minutes, with the count and the sum since the node's start.
    Summary,
}

impl Kind {
    /// As it stands in the text form.
    pub fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Summary => "summary",
        }
    }
}

/// All samples of one name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Family {
    pub name: &'static str,
    pub kind: Kind,
    /// In the order in which a sample gives their values.
    pub labels: &'static [&'static str],
    pub help: &'static str,
}

/// A table of families: each gets a constant, and `ALL` has them in order.
macro_rules! families {
    ($($constant:ident: $kind:ident $name:literal [$($label:literal),*] $help:literal;)*) => {
        $(
            #[doc = $help]
            pub const $constant: $crate::metrics::Family = $crate::metrics::Family {
                name: $name,
                kind: $crate::metrics::Kind::$kind,
                labels: &[$($label),*],
                help: $help,
            };
        )*
        pub(super) const ALL: &[$crate::metrics::Family] = &[$($constant),*];
    };
}

pub(super) use families;

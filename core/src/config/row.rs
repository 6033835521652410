//! One configuration key as a row of the table, and the `const` constructors that make a row readable.

/// The type of a value, with the number that DescribeConfigs gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i8)]
pub enum Kind {
    Boolean = 1,
    String = 2,
    Int = 3,
    Short = 4,
    Long = 5,
    Double = 6,
    List = 7,
    Class = 8,
    Password = 9,
}

impl Kind {
    /// The name Kafka's error texts use.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Boolean => "BOOLEAN",
            Kind::String => "STRING",
            Kind::Int => "INT",
            Kind::Short => "SHORT",
            Kind::Long => "LONG",
            Kind::Double => "DOUBLE",
            Kind::List => "LIST",
            Kind::Class => "CLASS",
            Kind::Password => "PASSWORD",
        }
    }
}

/// Which values a key takes, beyond what its type says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Valid {
    Any,
    AtLeast(i64),
    /// Both ends included.
    Between(i64, i64),
    /// Both ends included.
    Fraction(f64, f64),
    /// 1 to 9, or -1 for the library's own choice.
    GzipLevel,
    OneOf(&'static [&'static str]),
    OneOfAnyCase(&'static [&'static str]),
    /// Each element is one of these, none twice.
    ListOf(&'static [&'static str]),
    NonEmpty,
    /// `*`, or `partition:broker` pairs.
    ThrottledReplicas,
    /// `latest`, `earliest`, or `by_duration:` and an ISO 8601 length of time.
    AutoOffsetReset,
}

/// How much a key matters, as Kafka ranks it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Importance {
    High,
    Medium,
    Low,
}

/// Whether and where a broker's key may change while it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Set at start.
    ReadOnly,
    /// May change on one broker.
    PerBroker,
    /// May change on one broker or on all.
    ClusterWide,
}

/// How a synonym's value is turned into that of the key it stands in for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    Same,
    MinutesToMs,
    HoursToMs,
}

impl Unit {
    /// Milliseconds in one of the synonym's units; 1 where nothing is converted.
    pub fn factor(self) -> i64 {
        match self {
            Unit::Same => 1,
            Unit::MinutesToMs => 60_000,
            Unit::HoursToMs => 3_600_000,
        }
    }
}

/// A broker's key that stands in for another key that has no value of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Synonym {
    pub name: &'static str,
    pub unit: Unit,
}

/// How Jackdaw treats a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Treatment {
    /// It does what its text says.
    Effective,
    /// It is read and shown, and does nothing until this is there.
    NotYet(&'static str),
    /// It is accepted and does nothing, for this reason.
    Meaningless(&'static str),
}

/// One key of the table. `None` as a default is Kafka's null.
#[derive(Clone, Copy, Debug)]
pub struct ConfigKey {
    pub name: &'static str,
    pub kind: Kind,
    /// Kafka's default.
    pub default: Option<&'static str>,
    /// Kafka refuses to start without a value.
    pub required: bool,
    /// The default of a node that was told nothing about its cluster, where it differs from Kafka's.
    pub alone: Option<&'static str>,
    pub valid: Valid,
    pub importance: Importance,
    /// Left out of DescribeConfigs unless somebody has set it.
    pub internal: bool,
    pub scope: Scope,
    /// What stands in for this key, in order.
    pub synonyms: &'static [Synonym],
    pub treatment: Treatment,
    pub doc: &'static str,
}

impl ConfigKey {
    /// Passwords never leave the node.
    pub fn sensitive(&self) -> bool {
        matches!(self.kind, Kind::Password)
    }

    /// The default of a node that is (`alone`) or is not its own whole cluster.
    pub fn default_for(&self, alone: bool) -> Option<&'static str> {
        if alone && self.alone.is_some() { self.alone } else { self.default }
    }
}

const fn key(name: &'static str, kind: Kind) -> ConfigKey {
    ConfigKey {
        name,
        kind,
        default: None,
        required: false,
        alone: None,
        valid: Valid::Any,
        importance: Importance::Medium,
        internal: false,
        scope: Scope::ReadOnly,
        synonyms: &[],
        treatment: Treatment::Effective,
        doc: "",
    }
}

macro_rules! constructors {
    ($($name:ident $kind:ident),*) => {
        $(pub(super) const fn $name(name: &'static str) -> ConfigKey {
            key(name, Kind::$kind)
        })*
    };
}

constructors!(boolean Boolean, string String, int Int, short Short, long Long, double Double, list List,
    class Class, password Password);

/// A row reads: type and name; default; valid values; importance (medium unless said); scope (read-only
/// unless said); and at its end how the key is treated, with its text.
impl ConfigKey {
    pub(super) const fn default(mut self, value: &'static str) -> Self {
        self.default = Some(value);
        self
    }

    pub(super) const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    pub(super) const fn alone(mut self, value: &'static str) -> Self {
        self.alone = Some(value);
        self
    }

    pub(super) const fn at_least(mut self, least: i64) -> Self {
        self.valid = Valid::AtLeast(least);
        self
    }

    pub(super) const fn between(mut self, least: i64, most: i64) -> Self {
        self.valid = Valid::Between(least, most);
        self
    }

    pub(super) const fn fraction(mut self, least: f64, most: f64) -> Self {
        self.valid = Valid::Fraction(least, most);
        self
    }

    pub(super) const fn one_of(mut self, names: &'static [&'static str]) -> Self {
        self.valid = Valid::OneOf(names);
        self
    }

    pub(super) const fn one_of_any_case(mut self, names: &'static [&'static str]) -> Self {
        self.valid = Valid::OneOfAnyCase(names);
        self
    }

    pub(super) const fn list_of(mut self, names: &'static [&'static str]) -> Self {
        self.valid = Valid::ListOf(names);
        self
    }

    pub(super) const fn valid(mut self, valid: Valid) -> Self {
        self.valid = valid;
        self
    }

    pub(super) const fn high(mut self) -> Self {
        self.importance = Importance::High;
        self
    }

    pub(super) const fn low(mut self) -> Self {
        self.importance = Importance::Low;
        self
    }

    pub(super) const fn internal(mut self) -> Self {
        self.internal = true;
        self
    }

    pub(super) const fn per_broker(mut self) -> Self {
        self.scope = Scope::PerBroker;
        self
    }

    pub(super) const fn cluster_wide(mut self) -> Self {
        self.scope = Scope::ClusterWide;
        self
    }

    pub(super) const fn over(mut self, synonyms: &'static [Synonym]) -> Self {
        self.synonyms = synonyms;
        self
    }

    pub(super) const fn effective(self, doc: &'static str) -> Self {
        self.treated(Treatment::Effective, doc)
    }

    pub(super) const fn waits(self, what: &'static str, doc: &'static str) -> Self {
        self.treated(Treatment::NotYet(what), doc)
    }

    pub(super) const fn meaningless(self, why: &'static str, doc: &'static str) -> Self {
        self.treated(Treatment::Meaningless(why), doc)
    }

    const fn treated(mut self, treatment: Treatment, doc: &'static str) -> Self {
        self.treatment = treatment;
        self.doc = doc;
        self
    }
}

pub(super) const fn same(name: &'static str) -> Synonym {
    Synonym { name, unit: Unit::Same }
}

pub(super) const fn minutes(name: &'static str) -> Synonym {
    Synonym { name, unit: Unit::MinutesToMs }
}

pub(super) const fn hours(name: &'static str) -> Synonym {
    Synonym { name, unit: Unit::HoursToMs }
}

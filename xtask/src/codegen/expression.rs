//! Types, defaults, conditions and the read and write expressions of single fields.

use super::schema::{Field, Message, Struct, Type, Versions};

/// What the expressions of one message have in common.
pub(crate) struct Scope<'a> {
    pub(crate) message: &'a Message,
    /// A struct's Rust name by its schema name.
    pub(crate) rust_name: &'a dyn Fn(&str) -> String,
}

impl Scope<'_> {
    pub(crate) fn rust_type(&self, field: &Field) -> String {
        let plain = self.plain_type(&field.kind);
        if field.nullable.is_some() { format!("Option<{plain}>") } else { plain }
    }

    fn plain_type(&self, kind: &Type) -> String {
        match kind {
            Type::Bool => "bool".to_owned(),
            Type::Int8 => "i8".to_owned(),
            Type::Int16 => "i16".to_owned(),
            Type::Uint16 => "u16".to_owned(),
            Type::Int32 => "i32".to_owned(),
            Type::Uint32 => "u32".to_owned(),
            Type::Int64 => "i64".to_owned(),
            Type::Float64 => "f64".to_owned(),
            Type::Uuid => "Uuid".to_owned(),
            Type::String => "String".to_owned(),
            Type::Bytes | Type::Records => "Bytes".to_owned(),
            Type::Struct(name) => (self.rust_name)(name),
            Type::Array(element) => format!("Vec<{}>", self.plain_type(element)),
        }
    }

    /// `version >= first`, for ranges within the message's own; `None` when it holds at all of them.
    fn condition(&self, versions: Versions) -> Option<String> {
        let all = self.message.versions;
        if versions.covers(all) {
            return None;
        }
        Some(match versions.meet(all) {
            None => "false".to_owned(),
            Some(meet) if meet.last == all.last => format!("version >= {}", meet.first),
            Some(meet) if meet.first == meet.last => format!("version == {}", meet.first),
            Some(meet) if meet.first == all.first => format!("version <= {}", meet.last),
            Some(meet) => format!("({}..={}).contains(&version)", meet.first, meet.last),
        })
    }

    /// When the field is on the wire; `None` when at every version.
    pub(crate) fn presence(&self, field: &Field) -> Option<String> {
        self.condition(field.versions)
    }

    /// When the field is not on the wire; `None` when it always is.
    pub(crate) fn absence(&self, field: &Field) -> Option<String> {
        let all = self.message.versions;
        if field.versions.covers(all) {
            return None;
        }
        Some(match field.versions.meet(all) {
            None => "true".to_owned(),
            Some(meet) if meet.last == all.last => format!("version < {}", meet.first),
            Some(meet) if meet.first == all.first => format!("version > {}", meet.last),
            Some(meet) => format!("!({}..={}).contains(&version)", meet.first, meet.last),
        })
    }

    /// Whether null may stand there at this version: `true`, `false` or a condition.
    pub(crate) fn nullability(&self, field: &Field) -> String {
        let Some(nullable) = field.nullable else {
            return "false".to_owned();
        };
        let Some(present) = field.versions.meet(self.message.versions) else {
            return "true".to_owned();
        };
        if nullable.covers(present) {
            return "true".to_owned();
        }
        self.condition(nullable).unwrap_or_else(|| "true".to_owned())
    }

    /// `true`, `false` or the variable that says whether this version is flexible.
    pub(crate) fn flexible(&self) -> &'static str {
        let all = self.message.versions;
        match self.message.flexible {
            Some(first) if first <= all.first => "true",
            Some(first) if first <= all.last => "flexible",
            _ => "false",
        }
    }

    /// The fewest bytes that an element takes at any version.
    fn element_bytes(&self, kind: &Type) -> usize {
        let all = self.message.versions;
        (all.first..=all.last).map(|version| self.least_bytes(kind, false, version)).min().unwrap_or(1).max(1)
    }

    fn least_bytes(&self, kind: &Type, nullable: bool, version: i16) -> usize {
        let flexible = self.message.flexible.is_some_and(|first| version >= first);
        match kind {
            Type::Bool | Type::Int8 => 1,
            Type::Int16 | Type::Uint16 => 2,
            Type::Int32 | Type::Uint32 => 4,
            Type::Int64 | Type::Float64 => 8,
            Type::Uuid => 16,
            Type::String => {
                if flexible {
                    1
                } else {
                    2
                }
            }
            Type::Bytes | Type::Records | Type::Array(_) => {
                if flexible {
                    1
                } else {
                    4
                }
            }
            Type::Struct(_) if nullable => 1,
            Type::Struct(name) => {
                let fields = self.message.find(name).map_or(&[][..], |structure: &Struct| &structure.fields);
                let present =
                    fields.iter().filter(|field| field.tag.is_none() && field.versions.contains(version));
                let sum: usize = present
                    .map(|field| self.least_bytes(&field.kind, field.nullable.is_some(), version))
                    .sum();
                sum + usize::from(flexible)
            }
        }
    }

    /// The expression that reads the field.
    pub(crate) fn read(&self, field: &Field) -> String {
        let flexible = self.flexible();
        let nullable = self.nullability(field);
        let optional = field.nullable.is_some();
        match &field.kind {
            Type::String if optional => format!("reader.opt_string({flexible}, {nullable})?"),
            Type::String => format!("reader.string({flexible})?"),
            Type::Bytes | Type::Records if optional => format!("reader.opt_bytes({flexible}, {nullable})?"),
            Type::Bytes | Type::Records => format!("reader.bytes({flexible})?"),
            Type::Struct(name) => {
                let name = (self.rust_name)(name);
                if optional {
                    let tagged = tagged_marker(field);
                    format!("reader.opt_{tagged}struct(|reader| {name}::read(reader, version))?")
                } else {
                    format!("{name}::read(reader, version)?")
                }
            }
            Type::Array(element) => {
                let size = self.element_bytes(element);
                let read = match &**element {
                    Type::String => format!("|reader| reader.string({flexible})"),
                    Type::Bytes | Type::Records => format!("|reader| reader.bytes({flexible})"),
                    Type::Struct(name) => {
                        format!("|reader| {}::read(reader, version)", (self.rust_name)(name))
                    }
                    fixed => format!("Reader::{}", method(fixed)),
                };
                if optional {
                    format!("reader.opt_array({flexible}, {nullable}, {size}, {read})?")
                } else {
                    format!("reader.array({flexible}, {size}, {read})?")
                }
            }
            fixed => format!("reader.{}()?", method(fixed)),
        }
    }

    /// The expression that writes the field: `()` for types of fixed width, else a result.
    pub(crate) fn write(&self, field: &Field, value: &str) -> (String, bool) {
        let flexible = self.flexible();
        let optional = field.nullable.is_some();
        let opt = if optional { "opt_" } else { "" };
        let expression = match &field.kind {
            Type::String if optional => format!("writer.opt_string({flexible}, {value}.as_deref())"),
            Type::String => format!("writer.string({flexible}, &{value})"),
            Type::Bytes | Type::Records if optional => {
                format!("writer.opt_bytes({flexible}, {value}.as_deref())")
            }
            Type::Bytes | Type::Records => format!("writer.bytes({flexible}, &{value})"),
            Type::Struct(_) if optional => {
                let tagged = tagged_marker(field);
                format!(
                    "writer.opt_{tagged}struct({value}.as_ref(), |writer, value| value.write(writer, version))"
                )
            }
            Type::Struct(_) => format!("{value}.write(writer, version)"),
            Type::Array(element) => {
                let elements = if optional { format!("{value}.as_deref()") } else { format!("&{value}") };
                match &**element {
                    Type::String => format!(
                        "writer.{opt}array({flexible}, {elements}, |writer, value| writer.string({flexible}, value))"
                    ),
                    Type::Bytes | Type::Records => format!(
                        "writer.{opt}array({flexible}, {elements}, |writer, value| writer.bytes({flexible}, value))"
                    ),
                    Type::Struct(_) => format!(
                        "writer.{opt}array({flexible}, {elements}, |writer, value| value.write(writer, version))"
                    ),
                    fixed => {
                        format!("writer.{opt}array_of({flexible}, {elements}, Writer::{})", method(fixed))
                    }
                }
            }
            fixed => return (format!("writer.{}({value})", method(fixed)), false),
        };
        (expression, true)
    }
}

/// A struct that may be null begins with a marker, which is of another type in a tagged field.
fn tagged_marker(field: &Field) -> &'static str {
    if field.tag.is_some() { "tagged_" } else { "" }
}

fn method(kind: &Type) -> &'static str {
    match kind {
        Type::Bool => "bool",
        Type::Int8 => "i8",
        Type::Int16 => "i16",
        Type::Uint16 => "u16",
        Type::Int32 => "i32",
        Type::Uint32 => "u32",
        Type::Int64 => "i64",
        Type::Float64 => "f64",
        _ => "uuid",
    }
}

fn is_null_default(field: &Field) -> bool {
    // Kafka's records are null unless set, whatever the schema says of a default.
    field.nullable.is_some() && (field.default.as_deref() == Some("null") || field.kind == Type::Records)
}

/// The field's default, or `None` when it is what Rust's `Default` gives.
pub(crate) fn default_value(field: &Field) -> Option<String> {
    if is_null_default(field) {
        return None;
    }
    let plain = match (&field.kind, field.default.as_deref()) {
        (Type::Bool, Some("true")) => Some("true".to_owned()),
        (Type::Bool, _) => None,
        (Type::String, Some(text)) => Some(format!("{text:?}.to_owned()")),
        (Type::String | Type::Bytes | Type::Records | Type::Uuid | Type::Struct(_) | Type::Array(_), _) => {
            None
        }
        (_, Some("0") | None) => None,
        (_, Some("9223372036854775807")) => Some("i64::MAX".to_owned()),
        (_, Some("-2147483648")) => Some("i32::MIN".to_owned()),
        (_, Some("0x7fffffff")) => Some("i32::MAX".to_owned()),
        (_, Some(number)) => Some(number.to_owned()),
    };
    match (field.nullable, plain) {
        (Some(_), plain) => {
            Some(format!("Some({})", plain.unwrap_or_else(|| "Default::default()".to_owned())))
        }
        (None, plain) => plain,
    }
}

/// The condition that the field is not at its default.
pub(crate) fn is_set(field: &Field, rust_type: &str) -> String {
    let value = format!("self.{}", super::names::field(&field.name));
    if is_null_default(field) {
        return format!("{value}.is_some()");
    }
    let optional = field.nullable.is_some();
    match &field.kind {
        Type::Array(_) | Type::Bytes | Type::Records | Type::String if field.default.is_none() => {
            if optional {
                format!("{value}.as_ref().is_none_or(|value| !value.is_empty())")
            } else {
                format!("!{value}.is_empty()")
            }
        }
        Type::Bool => match field.default.as_deref() {
            Some("true") => format!("!{value}"),
            _ => value,
        },
        Type::Uuid => format!("!{value}.is_zero()"),
        Type::Struct(_) => match rust_type.strip_prefix("Option<") {
            Some(plain) => format!("{value}.as_ref() != Some(&{}::default())", plain.trim_end_matches('>')),
            None => format!("{value} != {rust_type}::default()"),
        },
        Type::Float64 => format!("{value} != 0.0"),
        Type::String => format!("{value} != {:?}", field.default.as_deref().unwrap_or_default()),
        _ => format!("{value} != {}", default_value(field).unwrap_or_else(|| "0".to_owned())),
    }
}

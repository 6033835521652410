//! Parses the notation of `core/schema/README.md`.

use std::{collections::BTreeMap, fmt};

/// An inclusive range of versions; `last` is `i16::MAX` when it is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Versions {
    pub first: i16,
    pub last: i16,
}

impl Versions {
    pub fn contains(self, version: i16) -> bool {
        (self.first..=self.last).contains(&version)
    }

    pub fn covers(self, other: Self) -> bool {
        self.first <= other.first && self.last >= other.last
    }

    /// What both ranges hold, if anything.
    pub fn meet(self, other: Self) -> Option<Self> {
        let meet = Self { first: self.first.max(other.first), last: self.last.min(other.last) };
        (meet.first <= meet.last).then_some(meet)
    }

    pub fn parse(text: &str) -> Result<Self, String> {
        let number =
            |part: &str| part.parse::<i16>().map_err(|_| format!("{text} is not a range of versions"));
        if let Some(first) = text.strip_suffix('+') {
            return Ok(Self { first: number(first)?, last: i16::MAX });
        }
        match text.split_once('-') {
            Some((first, last)) => Ok(Self { first: number(first)?, last: number(last)? }),
            None => Ok(Self { first: number(text)?, last: number(text)? }),
        }
    }
}

impl fmt::Display for Versions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.first, self.last) {
            (first, i16::MAX) => write!(f, "{first}+"),
            (first, last) if first == last => write!(f, "{first}"),
            (first, last) => write!(f, "{first}-{last}"),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Type {
    Bool,
    Int8,
    Int16,
    Uint16,
    Int32,
    Uint32,
    Int64,
    Float64,
    Uuid,
    String,
    Bytes,
    Records,
    Struct(String),
    Array(Box<Type>),
}

impl Type {
    fn parse(text: &str) -> Result<Self, String> {
        if let Some(element) = text.strip_prefix("[]") {
            return Ok(Self::Array(Box::new(Self::parse(element)?)));
        }
        Ok(match text {
            "bool" => Self::Bool,
            "int8" => Self::Int8,
            "int16" => Self::Int16,
            "uint16" => Self::Uint16,
            "int32" => Self::Int32,
            "uint32" => Self::Uint32,
            "int64" => Self::Int64,
            "float64" => Self::Float64,
            "uuid" => Self::Uuid,
            "string" => Self::String,
            "bytes" => Self::Bytes,
            "records" => Self::Records,
            name if name.starts_with(|first: char| first.is_ascii_uppercase()) => {
                Self::Struct(name.to_owned())
            }
            other => return Err(format!("{other} is no type")),
        })
    }

    /// The struct that this type is, or that its elements are.
    pub fn struct_name(&self) -> Option<&str> {
        match self {
            Self::Struct(name) => Some(name),
            Self::Array(element) => element.struct_name(),
            _ => None,
        }
    }
}

#[derive(Clone, Debug)]
pub struct Field {
    pub name: String,
    pub kind: Type,
    pub versions: Versions,
    pub tag: Option<u32>,
    pub nullable: Option<Versions>,
    pub default: Option<String>,
    pub ignorable: bool,
}

#[derive(Clone, Debug)]
pub struct Struct {
    pub name: String,
    pub fields: Vec<Field>,
}

#[derive(Clone, Debug)]
pub struct Message {
    pub name: String,
    pub versions: Versions,
    /// The first version with compact types and tags.
    pub flexible: Option<i16>,
    /// Everything else on the `@` line: `key=3`, `forwarded`.
    pub attributes: BTreeMap<String, String>,
    /// The message itself, then the structs inside it in the order in which they appear.
    pub structs: Vec<Struct>,
}

impl Message {
    pub fn root(&self) -> &Struct {
        &self.structs[0]
    }

    pub fn key(&self) -> Result<i16, String> {
        let key = self.attributes.get("key").ok_or_else(|| format!("{} has no key", self.name))?;
        key.parse().map_err(|_| format!("{}: key {key}", self.name))
    }

    pub fn find(&self, name: &str) -> Option<&Struct> {
        self.structs.iter().find(|structure| structure.name == name)
    }
}

pub fn parse(text: &str) -> Result<Vec<Message>, String> {
    let mut messages: Vec<Message> = Vec::new();
    // The structs that lines further in belong to: where such a struct was named, and its name.
    let mut open: Vec<(usize, String)> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim_end();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let fail = |error: String| format!("line {}: {error}", index + 1);
        if let Some(header) = line.strip_prefix('@') {
            let message = parse_header(header).map_err(fail)?;
            open = vec![(0, message.name.clone())];
            messages.push(message);
            continue;
        }
        let message = messages.last_mut().ok_or_else(|| fail("a field before any message".to_owned()))?;
        let depth = line.len() - line.trim_start().len();
        open.retain(|(outer, _)| *outer < depth);
        let words: Vec<&str> = line.split_whitespace().collect();
        if let ["struct", name, ..] = words.as_slice() {
            message.structs.push(Struct { name: (*name).to_owned(), fields: Vec::new() });
            open.push((depth, (*name).to_owned()));
            continue;
        }
        let field = parse_field(&words).map_err(fail)?;
        let owner = open.last().map(|(_, name)| name.clone()).ok_or_else(|| fail("no owner".to_owned()))?;
        if let Some(name) = field.kind.struct_name() {
            open.push((depth, name.to_owned()));
        }
        match message.structs.iter_mut().find(|structure| structure.name == owner) {
            Some(structure) => structure.fields.push(field),
            None => message.structs.push(Struct { name: owner, fields: vec![field] }),
        }
    }
    messages.iter().try_for_each(check)?;
    Ok(messages)
}

fn parse_header(header: &str) -> Result<Message, String> {
    let mut words = header.split_whitespace();
    let name = words.next().ok_or("a message without a name")?.to_owned();
    let mut attributes = BTreeMap::new();
    for word in words {
        let (key, value) = word.split_once('=').unwrap_or((word, ""));
        attributes.insert(key.to_owned(), value.to_owned());
    }
    let versions = Versions::parse(attributes.get("versions").ok_or("versions= is missing")?)?;
    let flexible = match attributes.get("flexible").ok_or("flexible= is missing")?.as_str() {
        "none" => None,
        range => Some(Versions::parse(range)?.first),
    };
    let root = Struct { name: name.clone(), fields: Vec::new() };
    Ok(Message { name, versions, flexible, attributes, structs: vec![root] })
}

fn parse_field(words: &[&str]) -> Result<Field, String> {
    let [name, kind, versions, rest @ ..] = words else {
        return Err("a field is: name type versions".to_owned());
    };
    let versions = versions.strip_prefix('v').ok_or_else(|| format!("{versions} is not versions"))?;
    let mut field = Field {
        name: (*name).to_owned(),
        kind: Type::parse(kind)?,
        versions: Versions::parse(versions)?,
        tag: None,
        nullable: None,
        default: None,
        ignorable: false,
    };
    for word in rest {
        if let Some(tag) = word.strip_prefix("tag") {
            field.tag = Some(tag.parse().map_err(|_| format!("{word} is no tag"))?);
        } else if let Some(range) = word.strip_prefix("null@") {
            field.nullable = Some(Versions::parse(range)?);
        } else if let Some(default) = word.strip_prefix('=') {
            field.default = Some(default.to_owned());
        } else if *word == "ign" {
            field.ignorable = true;
        } else {
            return Err(format!("{word} means nothing"));
        }
    }
    Ok(field)
}

/// Every struct that is named exists, none holds itself, tags rise.
fn check(message: &Message) -> Result<(), String> {
    for structure in &message.structs {
        let mut last_tag = None;
        for field in &structure.fields {
            if let Some(inner) = field.kind.struct_name() {
                let position = message.structs.iter().position(|other| other.name == inner);
                position.ok_or_else(|| format!("{}: {inner} is not defined", message.name))?;
            }
            if field.tag.is_some() && message.flexible.is_none_or(|first| field.versions.first < first) {
                return Err(format!("{}: tag in a version without tags", field.name));
            }
            last_tag = last_tag.max(field.tag);
        }
        let tags = structure.fields.iter().filter(|field| field.tag.is_some()).count();
        if last_tag.is_some_and(|last| last as usize + 1 != tags) {
            return Err(format!("{}: tags have gaps", structure.name));
        }
    }
    acyclic(message, message.root(), 0)
}

fn acyclic(message: &Message, structure: &Struct, depth: usize) -> Result<(), String> {
    if depth > 16 {
        return Err(format!("{}: {} holds itself", message.name, structure.name));
    }
    let inner = structure.fields.iter().filter_map(|field| field.kind.struct_name());
    for structure in inner.filter_map(|name| message.find(name)) {
        acyclic(message, structure, depth + 1)?;
    }
    Ok(())
}

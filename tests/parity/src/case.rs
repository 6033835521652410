//! Cases and named steps as `cases/*.toml` tell them; `docs/PARITY.md` describes the files.

use std::collections::BTreeMap;
use std::path::Path;

use crate::schema::Versions;

/// One request of a case, or the answer to one that was sent before.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) api: String,
    /// None is the newest that our broker serves, or for the case's own request each of them.
    pub(crate) version: Option<i16>,
    pub(crate) request: toml::Table,
    /// Variables, and the paths in the answer where their values stand.
    pub(crate) save: BTreeMap<String, String>,
    /// The request is sent again until these paths hold these values.
    pub(crate) until: toml::Table,
    /// The name of the connection.
    pub(crate) connection: String,
    /// The answer is awaited by a later step that has `answer = true`.
    pub(crate) pending: bool,
    pub(crate) answer: bool,
    /// Whether both brokers' answers are compared; else they must only be free of errors.
    pub(crate) compared: bool,
    /// A step of the preparation that may be answered with an error.
    pub(crate) may_fail: bool,
}

/// A difference from Kafka that we want.
#[derive(Clone, Debug)]
pub(crate) struct Declared {
    pub(crate) path: String,
    pub(crate) versions: Versions,
    pub(crate) why: String,
}

/// A request with what leads to it, to be sent at each version.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) api: String,
    pub(crate) name: String,
    pub(crate) valid: bool,
    pub(crate) versions: Versions,
    pub(crate) steps: Vec<Step>,
    /// Which of the steps is the case's own request.
    pub(crate) own: usize,
    /// Lists of which only the elements that mention `$name` are compared.
    pub(crate) only: Vec<String>,
    pub(crate) declared: Vec<Declared>,
    /// Its answers tell of the whole broker, or change what others see.
    pub(crate) alone: bool,
}

type Named = BTreeMap<String, Vec<Step>>;

/// All cases below the directory, by file name and in the files' order.
pub(crate) fn load(directory: &Path) -> Result<Vec<Case>, String> {
    let named = named_steps(&read(&directory.join("steps.toml"))?)?;
    let listed = std::fs::read_dir(directory).map_err(|error| error.to_string())?;
    let mut paths: Vec<_> = listed.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect();
    paths.sort();
    let mut cases = Vec::new();
    for path in paths {
        if ["steps.toml", "rules.toml"].iter().any(|name| path.ends_with(name)) {
            continue;
        }
        let table = read(&path)?;
        for case in tables(&table, "case")? {
            let parsed = parse_case(case, &named);
            cases.push(parsed.map_err(|error| format!("{}: {error}", path.display()))?);
        }
    }
    Ok(cases)
}

/// A TOML file.
pub(crate) fn read(path: &Path) -> Result<toml::Table, String> {
    let in_file = |error: String| format!("{}: {error}", path.display());
    let text = std::fs::read_to_string(path).map_err(|error| in_file(error.to_string()))?;
    text.parse().map_err(|error: toml::de::Error| in_file(error.to_string()))
}

fn named_steps(file: &toml::Table) -> Result<Named, String> {
    let mut named = Named::new();
    // Lists of names come after what they name: single steps first.
    for (name, value) in file {
        if let Some(table) = value.as_table() {
            named.insert(name.clone(), vec![step(table).map_err(|error| format!("{name}: {error}"))?]);
        }
    }
    for (name, value) in file {
        if value.is_array() {
            let steps = steps(Some(value), &named).map_err(|error| format!("{name}: {error}"))?;
            named.insert(name.clone(), steps);
        }
    }
    Ok(named)
}

fn parse_case(table: &toml::Table, named: &Named) -> Result<Case, String> {
    let (valid, name) = match (text(table, "valid")?, text(table, "bad")?) {
        (Some(name), None) => (true, name),
        (None, Some(name)) => (false, name),
        _ => return Err("a case is either `valid` or `bad`".to_owned()),
    };
    let in_case = |error: String| format!("{name:?}: {error}");
    let known = [
        "valid",
        "bad",
        "api",
        "versions",
        "setup",
        "request",
        "until",
        "connection",
        "pending",
        "save",
        "after",
        "only",
        "declared",
        "alone",
    ];
    only_known(table, &known).map_err(in_case)?;
    let mut own = table.clone();
    ["valid", "bad", "versions", "setup", "after", "only", "declared", "alone"]
        .iter()
        .for_each(|key| drop(own.remove(*key)));
    let mut all = steps(table.get("setup"), named).map_err(in_case)?;
    let index = all.len();
    all.push(Step { compared: true, ..step(&own).map_err(in_case)? });
    let after = steps(table.get("after"), named).map_err(in_case)?;
    all.extend(after.into_iter().map(|step| Step { compared: true, ..step }));
    let declared = tables(table, "declared").map_err(in_case)?;
    Ok(Case {
        api: text(table, "api").map_err(in_case)?.ok_or("a case names its api")?,
        valid,
        versions: versions(table).map_err(in_case)?,
        steps: all,
        own: index,
        only: strings(table.get("only")).map_err(in_case)?,
        alone: table.get("alone").and_then(toml::Value::as_bool).unwrap_or(false),
        declared: declared.into_iter().map(parse_declared).collect::<Result<_, _>>().map_err(in_case)?,
        name,
    })
}

fn parse_declared(table: &toml::Table) -> Result<Declared, String> {
    only_known(table, &["path", "versions", "why"])?;
    Ok(Declared {
        path: text(table, "path")?.ok_or("a difference needs its path")?,
        versions: versions(table)?,
        why: text(table, "why")?.ok_or("a difference needs its reason")?,
    })
}

/// Steps by name and in full.
fn steps(list: Option<&toml::Value>, named: &Named) -> Result<Vec<Step>, String> {
    let Some(list) = list else { return Ok(Vec::new()) };
    let mut steps = Vec::new();
    for entry in list.as_array().ok_or("steps are a list")? {
        match entry {
            toml::Value::String(name) => {
                steps.extend(named.get(name).ok_or_else(|| format!("no step is called {name}"))?.clone());
            }
            toml::Value::Table(table) => steps.push(step(table)?),
            other => return Err(format!("a {} is no step", other.type_str())),
        }
    }
    Ok(steps)
}

fn step(table: &toml::Table) -> Result<Step, String> {
    let known = [
        "api",
        "version",
        "request",
        "save",
        "until",
        "connection",
        "pending",
        "answer",
        "compared",
        "may_fail",
    ];
    only_known(table, &known)?;
    let flag = |name: &str| table.get(name).and_then(toml::Value::as_bool).unwrap_or(false);
    let nested = |name: &str| table.get(name).and_then(toml::Value::as_table).cloned().unwrap_or_default();
    let save = nested("save").into_iter().filter_map(|(name, path)| Some((name, path.as_str()?.to_owned())));
    let version = table.get("version").and_then(toml::Value::as_integer).map(i16::try_from).transpose();
    Ok(Step {
        api: text(table, "api")?.ok_or("a step names its api")?,
        version: version.map_err(|error| error.to_string())?,
        request: nested("request"),
        save: save.collect(),
        until: nested("until"),
        connection: text(table, "connection")?.unwrap_or_else(|| "first".to_owned()),
        pending: flag("pending"),
        answer: flag("answer"),
        compared: flag("compared"),
        may_fail: flag("may_fail"),
    })
}

fn only_known(table: &toml::Table, known: &[&str]) -> Result<(), String> {
    match table.keys().find(|key| !known.contains(&key.as_str())) {
        Some(key) => Err(format!("{key} means nothing here")),
        None => Ok(()),
    }
}

fn versions(table: &toml::Table) -> Result<Versions, String> {
    let range = text(table, "versions")?;
    range.map_or(Ok(Versions { first: 0, last: i16::MAX }), |range| Versions::parse(&range))
}

/// The text of a key, where it is there.
pub(crate) fn text(table: &toml::Table, key: &str) -> Result<Option<String>, String> {
    let value = table.get(key);
    value.map(|v| v.as_str().map(str::to_owned).ok_or_else(|| format!("{key} is no text"))).transpose()
}

/// The tables of an array of tables, where it is there.
pub(crate) fn tables<'a>(table: &'a toml::Table, key: &str) -> Result<Vec<&'a toml::Table>, String> {
    let Some(value) = table.get(key) else { return Ok(Vec::new()) };
    let list = value.as_array().ok_or_else(|| format!("{key} is no list"))?;
    list.iter().map(|one| one.as_table().ok_or_else(|| format!("{key} holds what is no table"))).collect()
}

fn strings(list: Option<&toml::Value>) -> Result<Vec<String>, String> {
    let Some(list) = list else { return Ok(Vec::new()) };
    let list = list.as_array().ok_or_else(|| format!("a {} is no list", list.type_str()))?;
    list.iter()
        .map(|text| {
            text.as_str().map(str::to_owned).ok_or_else(|| format!("a {} is no text", text.type_str()))
        })
        .collect()
}

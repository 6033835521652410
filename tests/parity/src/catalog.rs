//! Every API's request and response as `core/schema` tells them.

use std::collections::BTreeMap;
use std::path::Path;

use crate::schema::{self, Message};

/// A request and its response.
pub(crate) struct Api {
    pub(crate) key: i16,
    pub(crate) request: Message,
    pub(crate) response: Message,
}

impl Api {
    /// The name without `Request`.
    pub(crate) fn name(&self) -> &str {
        self.request.name.trim_end_matches("Request")
    }
}

/// All APIs by name.
pub(crate) struct Catalog(BTreeMap<String, Api>);

impl Catalog {
    /// Reads the schema files of a checkout.
    pub(crate) fn load(root: &Path) -> Result<Self, String> {
        let directory = root.join("core/schema/api");
        let listed =
            std::fs::read_dir(&directory).map_err(|error| format!("{}: {error}", directory.display()))?;
        let mut apis = BTreeMap::new();
        for entry in listed {
            let path = entry.map_err(|error| error.to_string())?.path();
            let in_file = |error: String| format!("{}: {error}", path.display());
            let text = std::fs::read_to_string(&path).map_err(|error| in_file(error.to_string()))?;
            let api = api(schema::parse(&text).map_err(in_file)?).map_err(in_file)?;
            apis.insert(api.name().to_owned(), api);
        }
        Ok(Self(apis))
    }

    /// The API of that name.
    pub(crate) fn get(&self, name: &str) -> Result<&Api, String> {
        self.0.get(name).ok_or_else(|| format!("there is no API {name}"))
    }

    /// The API of that key.
    pub(crate) fn by_key(&self, key: i16) -> Option<&Api> {
        self.0.values().find(|api| api.key == key)
    }
}

fn api(messages: Vec<Message>) -> Result<Api, String> {
    let [request, response]: [Message; 2] =
        messages.try_into().map_err(|_| "not one request and one response".to_owned())?;
    Ok(Api { key: request.key()?, request, response })
}

//! Text that people write: configuration files, settings of topics, patterns of subscriptions.

use std::sync::LazyLock;

use jackdaw_core::{
    config::{BrokerConfig, IpOverrides, Settings, TopicConfig, table},
    group::consumer::is_pattern,
};

use super::pieces;

/// A properties file.
pub(super) fn properties(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let mut settings = Settings::default();
    if settings.read_file("fuzz", &text).is_err() {
        return;
    }
    let _ = BrokerConfig::new(settings);
    let mut settings = Settings::default();
    for line in text.lines() {
        let _ = settings.read_override(line);
    }
    let _ = BrokerConfig::new(settings);
    let _ = IpOverrides::parse(&text);
}

pub(super) fn properties_seeds() -> Vec<Vec<u8>> {
    let all: Vec<String> = table::broker_keys()
        .filter_map(|key| Some(format!("{}={}", key.name, key.default_for(true)?)))
        .collect();
    let mut seeds: Vec<Vec<u8>> = all.chunks(12).map(|lines| lines.join("\n").into_bytes()).collect();
    let some = "# a comment\nlisteners = PLAINTEXT://127.0.0.1:9092,CONTROLLER://:9093\nlog.dirs:/a,/b\\\n  ,/c\n\
                advertised.listeners PLAINTEXT://[::1]:1\n!other\\u0020key=\\t\\n\nprocess.roles=broker,controller\n\
                controller.quorum.voters=1@a:9093,2@b:9093\nnode.id=1\ncontroller.listener.names=CONTROLLER\n\
                max.connections.per.ip.overrides=127.0.0.1:5,[::1]:7";
    seeds.push(some.as_bytes().to_vec());
    seeds
}

/// Names and values of a topic's keys in turn.
pub(super) fn topic_configs(input: &[u8]) {
    static BROKER_CONFIG: LazyLock<BrokerConfig> =
        LazyLock::new(|| BrokerConfig::new(Settings::default()).expect("the defaults").0);
    let texts: Vec<Option<String>> = pieces::split(input)
        .into_iter()
        .map(|piece| piece.map(|piece| String::from_utf8_lossy(piece).into_owned()))
        .collect();
    let keys: Vec<(&str, Option<&str>)> = texts
        .chunks(2)
        .map(|pair| (pair[0].as_deref().unwrap_or_default(), pair.get(1).and_then(|value| value.as_deref())))
        .collect();
    if TopicConfig::validate(&BROKER_CONFIG, &keys).is_ok() {
        let overrides = keys
            .iter()
            .filter_map(|(name, value)| Some(((*name).to_owned(), (*value)?.to_owned())))
            .collect();
        let _ = TopicConfig::resolve(&BROKER_CONFIG, Default::default(), &overrides);
    }
}

pub(super) fn topic_config_seeds() -> Vec<Vec<u8>> {
    let pair = |name: &'static str, value: &'static str| [Some(name.as_bytes()), Some(value.as_bytes())];
    let keys = table::TOPIC.iter().filter_map(|key| Some(pair(key.name, key.default_for(true)?)));
    keys.map(pieces::join).collect()
}

/// A pattern of a subscription. That it matches in linear time is the library's promise; here it is translated and compiled.
pub(super) fn regex(input: &[u8]) {
    let _ = is_pattern(&String::from_utf8_lossy(input));
}

pub(super) fn regex_seeds() -> Vec<Vec<u8>> {
    let patterns = [
        "",
        "orders",
        "orders-.*",
        "^(a|b|cc)+$",
        "[a-z&&[^x]]",
        "\\p{Lu}\\P{Greek}\\pN",
        "(?i:abc)(?s).(?-s)",
        "a{2,5}?b*+",
        "\\Qliteral.*\\E\\x{10FFFF}\\x41\\0101",
        "[[:alpha:][:^digit:]-]",
        "(?P<name>x)(?<other>y)",
        "\\A\\bword\\B\\z",
        "((((((((((a))))))))))",
        "(a{0,100}){0,10}",
        "[^\\d\\s\\W]",
        "a||b|",
        "\\C\\X\\1",
        "(?=look)(?!ahead)",
    ];
    patterns.iter().map(|pattern| pattern.as_bytes().to_vec()).collect()
}

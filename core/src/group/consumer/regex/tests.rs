//! What Kafka takes and refuses, and what it matches.

use super::*;

#[test]
fn matches_whole_names() {
    for (pattern, name, matches) in [
        ("foo.*", "foobar", true),
        ("foo", "foobar", false),
        ("foo|bar", "bar", true),
        ("foo|bar", "foobar", false),
        ("foo|foobar", "foobar", true),
        ("", "foo", false),
        ("(?i)FOO", "foo", true),
        ("\\w+-\\d{2}", "topic-07", true),
        ("\\pL+", "abc", true),
        ("^foo$", "foo", true),
        // Of characters that are not ASCII two are another case of one that is.
        ("(?i)[^\u{17f}]", "s", false),
        ("(?i)\u{212a}", "k", true),
    ] {
        assert_eq!(TopicRegex::new(pattern).unwrap().matches(name), matches, "{pattern} on {name}");
    }
}

#[test]
fn refuses_what_is_too_large() {
    assert!(matches!(TopicRegex::new("((a{1000}){1000}){1000}"), Err(InvalidRegex::Size)));
    assert!(TopicRegex::new(&"a".repeat(GROUP_REGEX_LENGTH_MAX)).is_ok());
    let longer = "a".repeat(GROUP_REGEX_LENGTH_MAX + 1);
    assert!(matches!(TopicRegex::new(&longer), Err(InvalidRegex::Length)));
    let nested = format!("{}a{}", "(".repeat(5_000), ")".repeat(5_000));
    assert!(matches!(TopicRegex::new(&nested), Err(InvalidRegex::Re2(Re2Error::Nesting))));
}

/// What the names of `NAMES` look like to each expression, as re2j 1.8 has it, which Kafka 4.4.0 asks.
const NAMES: [&str; 14] = ["a", "b", "A", "-", "+", "&", "~", "aaa", "my.topic", "ab", "9", "_", "{", "aa"];

#[test]
fn means_what_re2_means() {
    for (pattern, matches) in [
        (r"\Qmy.topic\E", &["my.topic"][..]),
        (r"\Qmy\E.\Qtopic", &["my.topic"]),
        (r"\Qa*\E", &[]),
        (r"\Qab\E+", &["ab"]),
        (r"a\Q\E*", &["a", "aaa", "aa"]),
        (r"\012|\101", &["A"]),
        (r"a{,3}", &[]),
        (r"{", &["{"]),
        (r"a{b|\x5f", &["_"]),
        (r"a{01}", &[]),
        (r"[+--]", &["-", "+"]),
        (r"[a&&b]", &["a", "b", "&"]),
        (r"[a~~b]", &["a", "b", "~"]),
        (r"[a-z&&[^b]]", &[]),
        (r"[[a]]", &[]),
        (r"[a[b]", &["a", "b"]),
        (r"[]a]", &["a"]),
        (r"[a-b-]", &["a", "b", "-"]),
        (r"[a-c-e]", &["a", "b", "-"]),
        (r"[[:^alpha:]]", &["-", "+", "&", "~", "9", "_", "{"]),
        (r"[:alph:]", &["a"]),
        (r"[^\PLu]", &["a", "b", "A"]),
        (r"\b{start}a", &[]),
        (r"\<a", &[]),
        (r"a\b", &["a"]),
        (r"a\_b|a\+?", &["a"]),
        (r"a(?i)*", &["a", "aaa", "aa"]),
        (r"a{2}(?i)*", &["aa"]),
        (r"a*(?i)?", &["a", "aaa", "aa"]),
        (r"(?i)a|B", &["a", "b", "A"]),
        (r"(?i-i)a", &["a"]),
        (r"(?)a", &["a"]),
        (r"(?U)a+?", &["a", "aaa", "aa"]),
        (r"(?P<1n>a)|(?<n>b)", &["a", "b"]),
        (r"\p{Lu}", &["A"]),
        (r"(?i)\P{Lu}", &["-", "+", "&", "~", "9", "_", "{"]),
        (r"\p{^Greek}", &["a", "b", "A", "-", "+", "&", "~", "9", "_", "{"]),
        (r"\P{Cs}", &["a", "b", "A", "-", "+", "&", "~", "9", "_", "{"]),
        (r"\pN|[\x{dfff}-\x{e000}]", &["9"]),
    ] {
        let regex = TopicRegex::new(pattern).unwrap_or_else(|error| panic!("{pattern}: {error}"));
        let matched: Vec<_> = NAMES.into_iter().filter(|name| regex.matches(name)).collect();
        assert_eq!(matched, matches, "{pattern}");
    }
}

#[test]
fn refuses_what_re2_refuses_in_its_words() {
    for (error, patterns) in [
        (
            "invalid character class range",
            &[
                "[a--b]",
                "[z-a]",
                "[[:foo:]]",
                "[[:]]",
                "[a-[:digit:]]",
                r"\p{greek}",
                r"\p{Letter}",
                r"\p{Latn}",
                r"\pX",
                r"\p",
                r"\p{L",
                r"\p{Cn}",
            ][..],
        ),
        (
            "invalid escape sequence",
            &[
                r"\Ca",
                r"\h",
                r"\E",
                r"\Z",
                r"\G",
                r"\u0041",
                r"(a)\1",
                r"\18",
                r"\x4",
                r"\x{}",
                r"\x{110000}",
                r"\x{+1}",
                r"[a-\d]",
                r"[\b]",
                r"[\Q]",
            ],
        ),
        ("invalid named capture", &["(?P<>a)", "(?P<n-x>a)", "(?<=a)", "(?<n"]),
        ("duplicate capture group name", &["(?<n>a)(?P<n>b)"]),
        (
            "invalid or unsupported Perl syntax",
            &[
                "(?x)a b", "(?=a)", "fo(?!x)", "(?>a)", "(?u)a", "(?-)a", "(?i-)a", "(?--i)a", "(?P=n)",
                "(?i", "(?",
            ],
        ),
        (
            "invalid nested repetition operator",
            &["a**", "a++", "a*?*", "a{2}{3}", "a{2}*", "a{2}??", "a++{", "{+"],
        ),
        ("invalid repeat count", &["a{1001}", "a{2,1}", "a{2,1001}", "a{1001,}", "a{99999999999}"]),
        ("missing argument to repetition operator", &["*", "a|*", "(+)", "{2}", "(?i)*", r"\Q\E*"]),
        ("missing closing ]", &["fo[.*", "[", "[]", "[[:alpha:]", "[a-"]),
        ("missing closing )", &["(a", "(?i:"]),
        ("missing opening (", &["a)|(b"]),
        ("trailing backslash at end of expression", &["a\\", "[\\"]),
    ] {
        for pattern in patterns {
            let refused = TopicRegex::new(pattern).expect_err(pattern).to_string();
            assert_eq!(refused, error, "{pattern}");
        }
    }
}

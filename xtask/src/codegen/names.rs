//! Kafka's camel-case names as Rust's.

/// `PartitionMaxBytes` is `partition_max_bytes`; a capital also begins a word before a small letter.
pub(crate) fn snake(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    let mut snake = String::new();
    for (index, letter) in letters.iter().enumerate() {
        if letter.is_uppercase() && index > 0 {
            let after_word = !letters[index - 1].is_uppercase();
            let before_word = letters.get(index + 1).is_some_and(|next| next.is_lowercase());
            if after_word || before_word {
                snake.push('_');
            }
        }
        snake.extend(letter.to_lowercase());
    }
    snake
}

/// A field's Rust name; words that Rust keeps for itself become raw identifiers.
pub(crate) fn field(name: &str) -> String {
    let snake = snake(name);
    match snake.as_str() {
        "match" | "type" => format!("r#{snake}"),
        _ => snake,
    }
}

/// A struct's Rust name: its first letter is a capital.
pub(crate) fn upper_first(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

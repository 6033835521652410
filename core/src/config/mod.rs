//! One table of configuration keys: type, default, range, scope, text.

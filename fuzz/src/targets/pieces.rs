//! Input that is a list of byte strings: an int16 with the length of each before it, negative for null.

/// The strings of an input; a length beyond its end takes what is there.
pub(super) fn split(input: &[u8]) -> Vec<Option<&[u8]>> {
    let (mut pieces, mut rest) = (Vec::new(), input);
    while let Some((length, tail)) = rest.split_first_chunk::<2>() {
        let Ok(length) = usize::try_from(i16::from_be_bytes(*length)) else {
            pieces.push(None);
            rest = tail;
            continue;
        };
        let (piece, tail) = tail.split_at(length.min(tail.len()));
        pieces.push(Some(piece));
        rest = tail;
    }
    pieces
}

/// An input of these strings.
pub(super) fn join<'a>(pieces: impl IntoIterator<Item = Option<&'a [u8]>>) -> Vec<u8> {
    let mut input = Vec::new();
    for piece in pieces {
        let length = piece.map_or(-1, |piece| i16::try_from(piece.len()).unwrap_or(i16::MAX));
        input.extend(length.to_be_bytes());
        input.extend(&piece.unwrap_or_default()[..usize::try_from(length).unwrap_or(0)]);
    }
    input
}

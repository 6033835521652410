//! An ordered map whose copy costs nothing: the copy notes how it differs. A decision works on a copy of its group.

use std::{borrow::Borrow, cmp::Ordering, collections::BTreeMap, fmt, mem, sync::Arc};

/// A map, and what differs from it. Whoever holds the map alone changes it in place; else the changes are noted beside
/// it, so that whoever shares it does not see them.
#[derive(Clone)]
pub(crate) struct Layered<K, V> {
    base: Arc<BTreeMap<K, V>>,
    /// `None` is a key of the map that is gone.
    differs: BTreeMap<K, Option<V>>,
    len: usize,
}

impl<K, V> Default for Layered<K, V> {
    fn default() -> Self {
        Self { base: Arc::default(), differs: BTreeMap::new(), len: 0 }
    }
}

impl<K: Ord + Clone, V: Clone> Layered<K, V> {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(crate) fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.get_key_value(key).map(|(_, value)| value)
    }

    pub(crate) fn get_key_value<Q: Ord + ?Sized>(&self, key: &Q) -> Option<(&K, &V)>
    where
        K: Borrow<Q>,
    {
        match self.differs.get_key_value(key) {
            Some((key, value)) => value.as_ref().map(|value| (key, value)),
            None => self.base.get_key_value(key),
        }
    }

    pub(crate) fn contains_key<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.get(key).is_some()
    }

    pub(crate) fn insert(&mut self, key: K, value: V) {
        self.len += usize::from(!self.contains_key(&key));
        match self.alone() {
            Some(map) => drop(map.insert(key, value)),
            None => drop(self.differs.insert(key, Some(value))),
        }
    }

    pub(crate) fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let (key, value) = self.get_key_value(key).map(|(key, value)| (key.clone(), value.clone()))?;
        self.len -= 1;
        match self.alone() {
            Some(map) => drop(map.remove(key.borrow())),
            None => drop(self.differs.insert(key, None)),
        }
        Some(value)
    }

    /// In the order of keys.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        let mut base = self.base.iter().peekable();
        let mut differs = self.differs.iter().peekable();
        std::iter::from_fn(move || {
            loop {
                let order = match (base.peek(), differs.peek()) {
                    (Some((key, _)), Some((other, _))) => key.cmp(other),
                    (Some(_), None) => Ordering::Less,
                    (None, Some(_)) => Ordering::Greater,
                    (None, None) => return None,
                };
                #[cfg(test)]
                visits::add(1);
                if order == Ordering::Less {
                    return base.next();
                }
                if order == Ordering::Equal {
                    base.next();
                }
                if let Some((key, Some(value))) = differs.next() {
                    return Some((key, value));
                }
            }
        })
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = &K> {
        self.iter().map(|(key, _)| key)
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &V> {
        self.iter().map(|(_, value)| value)
    }

    /// The map with all that differs, where nobody else holds it.
    fn alone(&mut self) -> Option<&mut BTreeMap<K, V>> {
        let map = Arc::get_mut(&mut self.base)?;
        for (key, value) in mem::take(&mut self.differs) {
            match value {
                Some(value) => drop(map.insert(key, value)),
                None => drop(map.remove(&key)),
            }
        }
        Some(map)
    }
}

impl<K: Ord + Clone, V: Clone> FromIterator<(K, V)> for Layered<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let base: BTreeMap<K, V> = entries.into_iter().collect();
        Self { len: base.len(), base: Arc::new(base), differs: BTreeMap::new() }
    }
}

impl<K: Ord + Clone, V: Clone + PartialEq> PartialEq for Layered<K, V> {
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len && self.iter().eq(other.iter())
    }
}

impl<K: Ord + Clone + fmt::Debug, V: Clone + fmt::Debug> fmt::Debug for Layered<K, V> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_map().entries(self.iter()).finish()
    }
}

/// How many entries iterators of this thread have passed: what a test of costs counts.
#[cfg(test)]
pub(crate) mod visits {
    use std::cell::Cell;

    thread_local! {
        static COUNT: Cell<usize> = const { Cell::new(0) };
    }

    pub(super) fn add(count: usize) {
        COUNT.set(COUNT.get() + count);
    }

    pub(crate) fn count() -> usize {
        COUNT.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_differs_and_the_original_does_not() {
        let original: Layered<u32, u32> = (0..10).map(|key| (key, key)).collect();
        let mut copy = original.clone();
        copy.insert(3, 30);
        copy.insert(10, 100);
        assert_eq!(copy.remove(&0), Some(0));
        assert_eq!(copy.remove(&0), None);
        assert_eq!(copy.remove(&10), Some(100));
        copy.insert(0, 7);
        assert_eq!(copy.remove(&9), Some(9));
        assert_eq!((copy.len(), original.len()), (9, 10));
        assert_eq!(copy.iter().map(|(_, value)| *value).collect::<Vec<_>>(), [7, 1, 2, 30, 4, 5, 6, 7, 8]);
        assert!(original.iter().all(|(key, value)| key == value));
        assert_eq!((copy.get(&9), copy.get(&3), original.get(&3)), (None, Some(&30), Some(&3)));
        assert_eq!(format!("{:?}", original.clone()), format!("{original:?}"));
    }

    /// Against a map, with copies that come and go.
    #[test]
    fn it_is_a_map() {
        let (mut layered, mut model, mut copy) = (Layered::default(), BTreeMap::new(), Layered::default());
        let mut random = 1u64;
        for step in 0..20_000u64 {
            random = random.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(step | 1);
            let key = (random >> 40) % 50;
            match (random >> 33) % 8 {
                0 => copy = layered.clone(),
                1 => copy = Layered::default(),
                2..=4 => assert_eq!(layered.remove(&key), model.remove(&key)),
                _ => {
                    layered.insert(key, step);
                    model.insert(key, step);
                }
            }
            assert_eq!((layered.len(), layered.get(&key)), (model.len(), model.get(&key)));
            assert!(layered.iter().eq(model.iter()));
            assert!(copy.len() <= 50);
        }
        assert_eq!(layered, model.into_iter().collect());
    }
}

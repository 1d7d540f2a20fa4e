//! allOf, anyOf, oneOf and not. Members are paired by what accepts what, not by their places.

use super::{Kind, Pair, Walk};
use crate::json::model::{Criterion, Id, Shape};

/// A combination: how its members count, and they.
type Combination<'a> = (Criterion, &'a [Id]);

impl Walk<'_> {
    pub(super) fn combinations(&mut self, pair: Pair, (was, old): Combination<'_>, (is, new): Combination<'_>) {
        let key = if is == was { word(is) } else { "" };
        if was != is {
            let single = |members: &[Id]| members.len() == 1;
            let fine = is == Criterion::Any
                || (single(old) && (single(new) || is == Criterion::One))
                || (was == Criterion::All && single(new));
            if !fine {
                return self.tell(Kind::COMBINED_TYPE_CHANGED, pair, pair.at, "");
            }
            self.tell(Kind::COMBINED_TYPE_EXTENDED, pair, pair.at, "");
        }
        let conjunction = was == Criterion::All;
        if conjunction && is == Criterion::All && new.len() > old.len() && self.demanded_before(pair.from, old, new) {
            return;
        }
        if old.len() != new.len() && (was == is || !conjunction) {
            let kind = match (conjunction, old.len() < new.len()) {
                (true, true) => Kind::PRODUCT_TYPE_EXTENDED,
                (true, false) => Kind::PRODUCT_TYPE_NARROWED,
                (false, true) => Kind::SUM_TYPE_EXTENDED,
                (false, false) => Kind::SUM_TYPE_NARROWED,
            };
            self.tell(kind, pair, pair.at, key);
        }
        // A trial that failed already need not pair what may take thousands of trials more.
        if self.round.trial && self.round.broken {
            return;
        }
        // Of a conjunction that became a choice, one member that leads into the choice is enough.
        let wanted = if conjunction && was != is { 1 } else { old.len().min(new.len()) };
        if let ([from], [to]) = (old, new) {
            let at = self.step(pair.at, &[key, "0"]);
            return self.later(*from, *to, at);
        }
        if self.paired(old, new) < wanted {
            self.tell(Kind::COMBINED_TYPE_SUBSCHEMAS_CHANGED, pair, pair.at, key);
        }
    }

    /// Whether every member of a conjunction was demanded before, which makes it say twice what it said once.
    fn demanded_before(&mut self, whole: Id, old: &[Id], new: &[Id]) -> bool {
        new.iter().enumerate().all(|(index, to)| {
            let opposite = old.get(index).into_iter();
            let demanded = opposite.chain(old).any(|from| self.spend() && self.fits(*from, *to));
            // What several members demand together may come again as one.
            let inner = matches!(self.model.at(self.model.behind(*to)).shape, Shape::Combined(Criterion::All, _));
            demanded || (inner && self.fits(whole, *to))
        })
    }

    /// A plain schema that became a combination.
    pub(super) fn plain_to_combination(&mut self, pair: Pair, is: Criterion, new: &[Id]) {
        if let [only] = new {
            return self.later(pair.from, *only, pair.at);
        }
        let kind = if is == Criterion::All {
            match new.iter().all(|member| self.fits(pair.from, *member)) {
                true => return,
                false => Kind::PRODUCT_TYPE_EXTENDED,
            }
        } else {
            match new.iter().any(|member| self.fits(pair.from, *member)) {
                true => Kind::SUM_TYPE_EXTENDED,
                false => Kind::TYPE_CHANGED,
            }
        };
        self.tell(kind, pair, pair.at, word(is));
    }

    /// A combination that became a plain schema.
    pub(super) fn out_of_combination(&mut self, pair: Pair, was: Criterion, old: &[Id]) {
        if let [only] = old {
            return self.later(*only, pair.to, pair.at);
        }
        let kind = if was == Criterion::All {
            match old.iter().any(|member| self.fits(*member, pair.to)) {
                true => Kind::PRODUCT_TYPE_NARROWED,
                false => Kind::TYPE_CHANGED,
            }
        } else {
            match old.iter().all(|member| self.fits(*member, pair.to)) {
                true => Kind::COMBINED_TYPE_EXTENDED,
                false => Kind::SUM_TYPE_NARROWED,
            }
        };
        self.tell(kind, pair, pair.at, word(was));
    }

    /// What is forbidden: the sides change places, since forbidding less accepts more.
    pub(super) fn negations(&mut self, pair: Pair, old: Id, new: Id) {
        let kind = if self.fits(new, old) {
            if self.fits(old, new) {
                return;
            }
            Kind::NOT_TYPE_NARROWED
        } else {
            Kind::NOT_TYPE_EXTENDED
        };
        self.tell(kind, pair, pair.at, "not");
    }

    /// The size of the largest pairing in which every new member accepts its old one.
    fn paired(&mut self, old: &[Id], new: &[Id]) -> usize {
        let mut partner: Vec<Option<usize>> = vec![None; new.len()];
        // Most members stand where they stood: with those paired first little is left to search.
        let mut alone = Vec::new();
        for (index, from) in old.iter().enumerate() {
            match new.get(index) {
                Some(to) if self.fits(*from, *to) => partner[index] = Some(index),
                _ => alone.push(index),
            }
        }
        let settled = old.len() - alone.len();
        settled + alone.into_iter().filter(|index| self.augment(old, new, *index, &mut partner)).count()
    }

    /// Finds a partner for one old member, and new ones for those that have to move: breadth first along alternating paths.
    fn augment(&mut self, old: &[Id], new: &[Id], start: usize, partner: &mut [Option<usize>]) -> bool {
        let mut came_from: Vec<Option<usize>> = vec![None; new.len()];
        let mut queue = std::collections::VecDeque::from([start]);
        while let Some(from) = queue.pop_front() {
            for to in 0..new.len() {
                if came_from[to].is_some() || !self.spend() || !self.fits(old[from], new[to]) {
                    continue;
                }
                came_from[to] = Some(from);
                match partner[to] {
                    Some(moved) => queue.push_back(moved),
                    None => {
                        settle(to, &came_from, partner);
                        return true;
                    }
                }
            }
        }
        false
    }
}

/// Walks the path back, giving each old member on it its new partner.
fn settle(end: usize, came_from: &[Option<usize>], partner: &mut [Option<usize>]) {
    let mut free = end;
    while let Some(from) = came_from[free] {
        let left = partner.iter().position(|held| *held == Some(from));
        partner[free] = Some(from);
        match left {
            Some(left) => free = left,
            None => return,
        }
    }
}

fn word(criterion: Criterion) -> &'static str {
    match criterion {
        Criterion::All => "allOf",
        Criterion::Any => "anyOf",
        Criterion::One => "oneOf",
    }
}

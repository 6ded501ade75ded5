//! Whatever a directory says: who is chosen fits, nobody is passed over who fits better, and no name decides.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

/// Areas that a unit may serve; the commune asked about is the first, its province the second.
const SERVED: [&[&str]; 4] = [&["00004@VN-34-2026"], &["01@VN-34-2026"], &["00070@VN-34-2026"], &[]];

#[derive(Debug, Clone)]
struct Spec {
    /// One of [`SERVED`].
    serves: usize,
    /// Unknown, offices', around the clock.
    hours: u8,
    is_over: bool,
    gives: bool,
    parent: Option<prop::sample::Index>,
    successors: Vec<prop::sample::Index>,
}

impl Spec {
    fn any() -> impl Strategy<Value = Self> {
        let index = any::<prop::sample::Index>;
        let served = prop_oneof![3 => Just(0usize), 2 => Just(1usize), 1 => Just(2usize), 1 => Just(3usize)];
        (
            served,
            0..3u8,
            prop::bool::weighted(0.3),
            prop::bool::weighted(0.8),
            prop::option::of(index()),
            prop::collection::vec(index(), 0..3),
        )
            .prop_map(|(serves, hours, is_over, gives, parent, successors)| Self {
                serves,
                hours,
                is_over,
                gives,
                parent,
                successors,
            })
    }

    /// Whether it fits by itself.
    fn fits(&self, urgency: Urgency) -> bool {
        let is_open = self.hours == 2 || urgency == Urgency::CanWait;
        !self.is_over && self.gives && self.serves != 2 && is_open
    }
}

/// The units under the names that their places are given; parents stand before, successors after.
fn directory(specs: &[Spec], name: impl Fn(usize) -> String) -> Directory {
    specs.iter().enumerate().fold(Directory::new(), |directory, (i, spec)| {
        directory.unit(&format!("hanoi/{}", name(i)), SERVED[spec.serves], |unit| {
            unit.hours = [Vec::new(), office(), around_the_clock()][usize::from(spec.hours)].clone();
            if spec.is_over {
                let after = specs.len() - i - 1;
                let later = spec.successors.iter().filter(|_| after > 0).map(|it| i + 1 + it.index(after));
                let later: BTreeSet<usize> = later.collect();
                let successors: Vec<String> = later.into_iter().map(|i| format!("hanoi/{}", name(i))).collect();
                over(unit, &successors.iter().map(String::as_str).collect::<Vec<_>>());
            }
            if !spec.gives {
                unit.services.clear();
            }
            if let Some(parent) = spec.parent.filter(|_| i > 0) {
                unit.parent = name(parent.index(i));
            }
        })
    })
}

/// The decision with places instead of names.
fn decided(specs: &[Spec], urgency: Urgency, name: impl Fn(usize) -> String) -> (Option<Vec<usize>>, Vec<Considered>) {
    let directory = directory(specs, &name);
    let area = SERVED[0][0].parse().unwrap();
    let asked = Asked { service: "protection", area: &area, at: time(NIGHT), urgency };
    let route = directory.routes(NIGHT).route(&asked);
    let place = |unit: &UnitRef| (0..specs.len()).find(|i| *name(*i) == *unit.unit.as_str()).unwrap();
    let places = match &route.decision {
        Decision::Unit(unit) => Some(vec![place(unit)]),
        Decision::Person(Question::Several(units)) => Some(units.iter().map(place).collect()),
        Decision::Person(_) => None,
    };
    let sorted = places.map(|mut places| {
        places.sort_unstable();
        places
    });
    (sorted, route.considered)
}

proptest! {
    #[test]
    fn who_is_chosen_fits_and_nobody_who_fits_better_is_passed_over(
        specs in prop::collection::vec(Spec::any(), 1..9),
        can_wait in any::<bool>(),
    ) {
        let urgency = if can_wait { Urgency::CanWait } else { Urgency::Now };
        let (chosen, considered) = decided(&specs, urgency, |i| format!("unit-{i}"));
        let seen: BTreeSet<_> = considered.iter().map(|it| &it.unit).collect();
        prop_assert_eq!(seen.len(), considered.len(), "each once");
        let best = [0, 1, 3].into_iter().find(|serves| specs.iter().any(|it| it.serves == *serves && it.fits(urgency)));
        match chosen {
            // Nobody is passed over.
            None => prop_assert_eq!(best, None),
            Some(chosen) => {
                for place in &chosen {
                    prop_assert!(specs[*place].fits(urgency));
                }
                // Who serves the commune itself comes before everybody else. After that, so does who stands in for it.
                if best == Some(0) && specs.iter().all(|it| it.serves != 0 || it.fits(urgency)) {
                    prop_assert!(chosen.iter().all(|place| specs[*place].serves == 0));
                    prop_assert_eq!(chosen.len(), specs.iter().filter(|it| it.serves == 0).count());
                }
                let fitting = considered.iter().filter(|it| it.verdict == Verdict::Fits).count();
                prop_assert_eq!(fitting, chosen.len(), "whoever fits is chosen or stands to choice");
            }
        }
    }

    #[test]
    fn no_name_decides(specs in prop::collection::vec(Spec::any(), 1..9), can_wait in any::<bool>()) {
        let urgency = if can_wait { Urgency::CanWait } else { Urgency::Now };
        let (rising, _) = decided(&specs, urgency, |i| format!("unit-{i}"));
        let (falling, _) = decided(&specs, urgency, |i| format!("unit-{}", specs.len() - i));
        prop_assert_eq!(rising, falling);
    }
}

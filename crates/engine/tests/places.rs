//! Every page of a run leads to a place of the run, and no page outside of it does.

use std::collections::HashSet;

use dmasan_engine::{PageRange, Pfn, Place, Shape};

const SMALL: Shape = Shape::new(&[0, 2, 3, 5], 2);

fn places_of(shape: Shape, first: u64, last: u64) -> Vec<Place> {
    let mut places = Vec::new();
    let pages = PageRange::new(Pfn(first), Pfn(last)).expect("in order");
    Place::for_each(shape, pages, |place| places.push(place));
    places
}

#[test]
fn the_pages_of_a_run_and_no_others_lead_to_its_places() {
    for first in 0..80 {
        for last in first..80 {
            let places: HashSet<(Pfn, u8)> = places_of(SMALL, first, last)
                .into_iter()
                .map(|place| (place.keeper, place.level))
                .collect();
            for pfn in 0..96 {
                let leads = Place::around(SMALL, Pfn(pfn))
                    .filter(|place| places.contains(&(place.keeper, place.level)))
                    .count();
                let is_inside = first <= pfn && pfn <= last;
                assert_eq!(
                    leads,
                    usize::from(is_inside),
                    "page {pfn} of {first}-{last}"
                );
            }
        }
    }
}

#[test]
fn a_place_is_kept_by_a_page_of_its_run() {
    for first in 0..80 {
        for last in first..80 {
            for place in places_of(SMALL, first, last) {
                assert!(
                    (first..=last).contains(&place.keeper.0),
                    "{place:?} of {first}-{last}"
                );
            }
        }
    }
}

#[test]
fn a_large_run_has_few_places() {
    // 128M, aligned, and the same with a page more at either end.
    assert_eq!(places_of(Shape::LINUX, 1 << 15, (2 << 15) - 1).len(), 1);
    assert_eq!(places_of(Shape::LINUX, (1 << 15) - 1, 2 << 15).len(), 3);
}

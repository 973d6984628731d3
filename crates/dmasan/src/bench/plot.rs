// SPDX-License-Identifier: Apache-2.0 OR MIT

//! A plot of cost against size, both on a log scale.

use std::path::Path;

use anyhow::{anyhow, Context};
use plotters::coord::Shift;
use plotters::prelude::*;

use super::line::{Kind, Op};
use super::results::{Impl, Results};
use super::size::Size;

const WIDTH: u32 = 960;
const HEIGHT: u32 = 720;

/// What is in the plot, row by row.
const PANELS: [(Kind, Op, &str); 4] = [
    (Kind::Large, Op::Map, "map, large leaves"),
    (Kind::Large, Op::Unmap, "unmap, large leaves"),
    (Kind::Small, Op::Map, "map, 4K leaves"),
    (Kind::Small, Op::Unmap, "unmap, 4K leaves"),
];

/// A line of a panel: sizes and costs.
type Curve = Vec<(f64, f64)>;

/// Draws the first format with one thread to a file.
pub(super) fn draw(results: &Results, format: &str, path: &Path) -> anyhow::Result<()> {
    let svg = render(results, format)?;
    std::fs::write(path, svg).with_context(|| format!("cannot write {}", path.display()))
}

fn render(results: &Results, format: &str) -> anyhow::Result<String> {
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, (WIDTH, HEIGHT)).into_drawing_area();
        area.fill(&WHITE).map_err(drawing)?;
        let caption = format!("Linux {}, {format}, {}", results.kernel, results.cpu);
        let area = area.titled(&caption, ("sans-serif", 18)).map_err(drawing)?;
        for (panel, (kind, op, title)) in area.split_evenly((2, 2)).iter().zip(PANELS) {
            let curves: Vec<(Impl, Curve)> = results
                .impls
                .iter()
                .map(|one| (*one, curve(results, format, kind, op, *one)))
                .filter(|(_, curve)| !curve.is_empty())
                .collect();
            draw_panel(panel, title, &results.unit, &curves)?;
        }
        area.present().map_err(drawing)?;
    }
    Ok(svg)
}

fn curve(results: &Results, format: &str, kind: Kind, op: Op, implementation: Impl) -> Curve {
    let mut curve: Curve = results
        .cases
        .iter()
        .filter(|row| {
            let case = &row.case;
            // One page has one leaf: it is the beginning of both curves.
            let kind_fits = case.kind == kind
                || kind == Kind::Small && case.kind == Kind::Large && case.size.pages() == 1;
            kind_fits && case.format == format && case.op == op && case.threads == 1
        })
        .filter_map(|row| {
            let cost = row.costs.get(&implementation)?;
            // There is no zero on a log scale.
            Some((
                row.case.size.0 as f64,
                cost.value(results.stat).max(1) as f64,
            ))
        })
        .collect();
    curve.sort_by(|one, other| one.0.total_cmp(&other.0));
    curve
}

fn draw_panel(
    area: &DrawingArea<SVGBackend<'_>, Shift>,
    title: &str,
    unit: &str,
    curves: &[(Impl, Curve)],
) -> anyhow::Result<()> {
    let points = || curves.iter().flat_map(|(_, curve)| curve);
    let ends = |of: fn(&(f64, f64)) -> f64| {
        points().map(of).fold(None, |ends, value| {
            let (low, high) = ends.unwrap_or((value, value));
            Some((value.min(low), value.max(high)))
        })
    };
    let (Some((small, large)), Some((low, high))) = (ends(|at| at.0), ends(|at| at.1)) else {
        return Ok(());
    };
    let mut chart = ChartBuilder::on(area)
        .caption(title, ("sans-serif", 15))
        .margin(10)
        .x_label_area_size(36)
        .y_label_area_size(64)
        .build_cartesian_2d(
            (small / 1.5..large * 1.5).log_scale().base(4.0),
            (low / 2.0..high * 2.0).log_scale(),
        )
        .map_err(drawing)?;
    chart
        .configure_mesh()
        .light_line_style(WHITE)
        .x_desc("size")
        .y_desc(unit)
        .x_label_formatter(&|bytes| size_label(*bytes))
        .y_label_formatter(&|cost| cost_label(*cost))
        .draw()
        .map_err(drawing)?;
    for (implementation, curve) in curves {
        let colour = colour(*implementation);
        chart
            .draw_series(LineSeries::new(
                curve.iter().copied(),
                colour.stroke_width(2),
            ))
            .map_err(drawing)?
            .label(implementation.name())
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2)));
        chart
            .draw_series(curve.iter().map(|at| Circle::new(*at, 3, colour.filled())))
            .map_err(drawing)?;
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .background_style(WHITE.mix(0.8))
        .border_style(BLACK.mix(0.2))
        .draw()
        .map_err(drawing)
}

/// Told apart by those who see no red or no green, too.
fn colour(implementation: Impl) -> RGBColor {
    match implementation {
        Impl::None => RGBColor(0xbb, 0xbb, 0xbb),
        Impl::Off => RGBColor(0x77, 0x77, 0x77),
        Impl::C => RGBColor(0xd5, 0x5e, 0x00),
        Impl::Rust => RGBColor(0x00, 0x72, 0xb2),
        Impl::RustOrigins => RGBColor(0x00, 0x9e, 0x73),
        Impl::DmaApiDebug => RGBColor(0xcc, 0x79, 0xa7),
    }
}

fn size_label(bytes: f64) -> String {
    // The ticks of a log scale are powers of two here, but for rounding.
    Size(bytes.round() as u64).to_string()
}

fn cost_label(cost: f64) -> String {
    match cost {
        cost if cost >= 1e6 => format!("{:.0}M", cost / 1e6),
        cost if cost >= 1e3 => format!("{:.0}k", cost / 1e3),
        cost => format!("{cost:.0}"),
    }
}

/// Errors of the backend borrow what is drawn on.
fn drawing(error: impl std::fmt::Display) -> anyhow::Error {
    anyhow!("cannot draw: {error}")
}

#[cfg(test)]
mod tests {
    use super::super::results::tests::results;
    use super::*;

    #[test]
    fn every_implementation_has_its_curve_in_the_panels_that_were_measured() {
        let svg = render(&results(&[Impl::Off, Impl::Rust]), "amdv1").unwrap();
        // Map and unmap of large leaves; a 4K page begins the other two.
        assert_eq!(svg.matches("rust").count(), 4, "{svg}");
        assert!(!svg.contains("NaN"), "{svg}");
    }

    #[test]
    fn what_was_not_measured_is_left_out() {
        let all = results(&[Impl::Off, Impl::Rust]);
        assert!(curve(&all, "vtdss", Kind::Large, Op::Map, Impl::Off).is_empty());
        assert!(curve(&all, "amdv1", Kind::Large, Op::Map, Impl::C).is_empty());
        assert!(render(&all, "vtdss").is_ok());
        let curve = curve(&all, "amdv1", Kind::Large, Op::Map, Impl::Off);
        assert_eq!(curve, [(4096.0, 101.0), (65536.0, 301.0)]);
    }
}

//! The two characters 样证 ("specimen"), drawn by hand on a grid of 16 by 16.

/// 样
pub(super) const YANG: [&str; 16] = [
    "..#.....#....#..",
    "..#.....##..##..",
    "..#......#..#...",
    "..#....#########",
    "#####......#....",
    "..#........#....",
    ".###.......#....",
    ".###....#######.",
    "#.#.#......#....",
    "#.#.#......#....",
    "..#........#....",
    "..#...##########",
    "..#........#....",
    "..#........#....",
    "..#........#....",
    "..#........#....",
];

/// 证
pub(super) const ZHENG: [&str; 16] = [
    ".#..............",
    "..#..###########",
    "..#.......#.....",
    "..........#.....",
    "..........#.....",
    "####......#.....",
    "...#......#.....",
    "...#..#...#.....",
    "...#..#...#####.",
    "...#..#...#.....",
    "...#..#...#.....",
    "...#..#...#.....",
    "...##.#...#.....",
    "...#..#...#.....",
    "...#..#...#.....",
    "....############",
];

/// Whether the grid has ink there.
pub(super) fn ink(glyph: &[&str; 16], column: usize, row: usize) -> bool {
    let line = glyph.get(row).map(|line| line.as_bytes());
    line.and_then(|line| line.get(column)) == Some(&b'#')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grids_are_square_and_have_nothing_but_ink_and_paper() {
        for glyph in [&YANG, &ZHENG] {
            for line in glyph {
                assert_eq!(line.len(), 16);
                assert!(line.bytes().all(|byte| byte == b'#' || byte == b'.'));
            }
        }
        assert!(ink(&YANG, 2, 0) && !ink(&YANG, 0, 0) && !ink(&YANG, 16, 0));
    }
}

//! SVG charts from plain numbers, readable in light and dark.

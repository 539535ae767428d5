//! mcp
fn main() {}

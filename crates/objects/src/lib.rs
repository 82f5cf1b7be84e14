#![doc = include_str!("../README.md")]

mod broken;
mod compressed;
mod compression;
mod conform;
mod download;
mod forward;
mod overlay;
mod projection;
mod tailed;
mod upload;

pub use broken::{catch, located, panic_words};
pub use compressed::CompressedUpload;
pub use compression::Compression;
pub use conform::conform;
pub use download::download;
pub use forward::Forward;
pub use overlay::overlay;
pub use projection::places;
pub use tailed::{Missing, Tailed};
pub use upload::{PART_BYTES, Upload};

//! Tables on S3, on real servers: versitygw and MinIO, whose conditional puts work, and two versions of moto, whose
//! do not. A server that is not there skips its tests by name.

mod bucket;
mod oracles;
mod proxy;
mod races;
mod refused;
mod tables;

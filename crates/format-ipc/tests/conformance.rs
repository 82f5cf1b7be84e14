//! The conformance suite of formats, for each form: `STITCHWORK_IPC_LAYOUT=stream` chooses the stream.

use std::sync::Arc;

use stitchwork_format_ipc::{Ipc, IpcConfig, Layout};

fn main() {
    let stream = std::env::var("STITCHWORK_IPC_LAYOUT").is_ok_and(|layout| layout == "stream");
    let layout = if stream { Layout::Stream } else { Layout::File };
    stitchwork_testkit::format::run(move || async move {
        let ipc = Ipc::with_config(IpcConfig { layout, ..IpcConfig::default() })?;
        Ok(Arc::new(ipc) as stitchwork_testkit::format::Subject)
    })
}

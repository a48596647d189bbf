#![forbid(unsafe_code)]
//! The `jiazhao` binary: everything it does is in the library.

fn main() -> std::process::ExitCode {
    jiazhao::command::run()
}

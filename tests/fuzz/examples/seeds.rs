//! Writes every reader's seeds to DIR/<reader>/: `cargo run -p nhipcau-fuzz --example seeds -- DIR`. What a fuzzer
//! begins with; `make fuzz` calls it.

use std::{error::Error, fs, path::Path};

use nhipcau_fuzz::READERS;

fn main() -> Result<(), Box<dyn Error>> {
    let directory = std::env::args_os().nth(1).ok_or("the directory to write to is missing")?;
    for reader in READERS {
        let directory = Path::new(&directory).join(reader.name);
        fs::create_dir_all(&directory)?;
        for (number, seed) in (reader.seeds)().iter().enumerate() {
            fs::write(directory.join(format!("seed-{number}")), seed)?;
        }
    }
    Ok(())
}

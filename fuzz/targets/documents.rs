#![no_main]

lazaret_fuzz::target!(lazaret_fuzz::documents::DOCUMENTS);

//! How the advisory database is kept up and reaches others, with the program itself.

mod place;
mod repositories;
mod serving;
mod writing;

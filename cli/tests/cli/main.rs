//! The built command, called as a person calls it.

mod alone;
mod build;
mod check;
mod docs;
mod environments;
mod folder;
mod hook;
mod new;
mod readme;
mod real;

mod creation;
mod faults;
mod held;
mod letting_go;
mod outages;
mod policy;

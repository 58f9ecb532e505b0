use anyhow::Result;
use tare_core::calibrate;
use tare_report::{bytes, duration, power_lines};

use crate::browser::find_browsers;
use crate::clock::SystemClock;
use crate::machine;

/// Prints what this machine has, and what would disturb a measurement.
pub(crate) fn run() -> Result<bool> {
    let machine = machine::machine();
    let tool = machine::tool();
    println!(
        "tare      {} ({}), {} build for {}",
        tool.version,
        tool.git_revision.as_deref().unwrap_or("unknown revision"),
        tool.build_profile,
        tool.target
    );
    println!("system    {}", machine.os);
    if let Some(native) = &machine.native {
        println!("processor {}", native.cpu);
        println!("          {}", native.cpu_features.join(", "));
        let physical = native
            .physical_cores
            .map_or_else(|| "unknown".into(), |cores| cores.to_string());
        println!("cores     {} logical, {physical} physical", machine.logical_cores);
        println!(
            "memory    {}, {} free",
            bytes(native.memory_bytes),
            bytes(native.memory_available_bytes)
        );
        println!(
            "load      {}",
            native
                .load_average
                .map_or_else(|| "unknown".into(), |load| format!("{load:.2}"))
        );
    }
    if let Some(native) = &machine.native {
        for line in power_lines(&native.power) {
            println!("power     {line}");
        }
    }
    println!("tract     uses {}", tare_tract::vector_level());
    match calibrate(&SystemClock) {
        Ok(clock) => println!(
            "clock     {}, steps of {}, {} a reading",
            clock.source,
            duration(clock.granularity_ns as f64),
            duration(clock.read_cost_ns as f64)
        ),
        Err(error) => println!("clock     {error}"),
    }
    let adapters = pollster::block_on(tare_burn::adapters());
    if adapters.is_empty() {
        println!(
            "graphics  no adapter: burn-wgpu cannot run\n          hint: install a Vulkan driver; Mesa's llvmpipe computes on the CPU"
        );
    }
    for adapter in &adapters {
        let kind = if adapter.software { "software" } else { "hardware" };
        println!(
            "graphics  {} ({}, {kind}), {}",
            adapter.name, adapter.graphics_api, adapter.driver
        );
    }
    let browsers = find_browsers();
    if browsers.is_empty() {
        println!(
            "browser   none found\n          hint: install Chromium with its driver (Debian: chromium chromium-driver)"
        );
    }
    for found in browsers {
        let driver = found.driver.map_or_else(
            || format!("no {} found", found.kind.driver()),
            |path| path.display().to_string(),
        );
        println!("browser   {}, driver: {driver}", found.program.display());
    }
    for warning in machine::warnings(&machine) {
        println!("warning   {}", warning.message);
    }
    Ok(true)
}

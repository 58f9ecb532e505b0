use tare_record::{CellRequest, Event, Failure, MachineSpeed, Phase, Stage};

use crate::speed::probe_ns;
use crate::{Clock, Engine, EngineError, NamedTensor, Observer, Reply, Workload, bundle, failed_cell, measure};

/// Carries out a request inside a worker or child process: all that is left to do once model, inputs and engine are
/// at hand. `reference` is the bundle of the reference's outputs.
pub async fn answer(
    request: &CellRequest,
    workload: Result<Workload, Failure>,
    engine: Result<&dyn Engine, Failure>,
    reference: &[u8],
    earlier: Vec<Phase>,
    clock: &dyn Clock,
    observer: &mut dyn Observer,
) -> Reply {
    let ready = workload.and_then(|workload| Ok((workload, engine?)));
    match request.stage {
        Stage::Reference => {
            let computed = match ready {
                Ok((workload, engine)) => run_once(&workload, engine, clock).await.map_err(Failure::from),
                Err(failure) => Err(failure),
            };
            match computed {
                Ok((inputs, outputs)) => {
                    let facts = |tensors: &[NamedTensor]| tensors.iter().map(NamedTensor::facts).collect();
                    let event = Event::Reference {
                        inputs: facts(&inputs),
                        outputs: facts(&outputs),
                    };
                    Reply {
                        event,
                        tensors: bundle::encode(&[inputs, outputs].concat()),
                    }
                }
                Err(failure) => Reply {
                    event: Event::NoReference { failure },
                    tensors: vec![],
                },
            }
        }
        Stage::Measure => {
            let reference = bundle::decode(reference).map_err(|error| Failure {
                kind: tare_record::FailureKind::Reference,
                message: format!("the reference did not arrive: {error}"),
                hint: None,
            });
            match ready.and_then(|(workload, engine)| Ok((workload, engine, reference?))) {
                Ok((workload, engine, reference)) => {
                    let before_ns = probe_ns(clock);
                    let (mut cell, outputs) =
                        measure(request, workload, engine, &reference, earlier, clock, observer).await;
                    let after_ns = probe_ns(clock);
                    cell.speed = Some(MachineSpeed { before_ns, after_ns });
                    Reply {
                        event: Event::Done { cell: Box::new(cell) },
                        tensors: bundle::encode(&outputs),
                    }
                }
                Err(failure) => {
                    let cell = Box::new(failed_cell(request, failure));
                    Reply {
                        event: Event::Done { cell },
                        tensors: vec![],
                    }
                }
            }
        }
    }
}

async fn run_once(
    workload: &Workload,
    engine: &dyn Engine,
    clock: &dyn Clock,
) -> Result<(Vec<NamedTensor>, Vec<NamedTensor>), EngineError> {
    let outputs = workload.load(engine, clock).await?.run(clock).await?;
    Ok((workload.inputs.clone(), workload.name_outputs(outputs)))
}

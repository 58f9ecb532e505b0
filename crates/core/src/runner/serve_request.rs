use tare_record::{Accuracy, CellRequest, CpuCalibration, Event, Failure, FailureKind, Phase, RequestKind};

use crate::measure::agreement::agreement;
use crate::measure::cpu_calibration::calibration_ns;
use crate::{Clock, Engine, NamedTensor, Observer, Reply, Workload, failed_cell, measure, tensor_codec};

/// Carries out a request inside a worker or child process. `workload` and `engine` are what the
/// worker prepared, `reference` holds the encoded outputs of the reference, and `earlier` the
/// phases before this call.
pub async fn serve_request(
    request: &CellRequest,
    workload: Result<Workload, Failure>,
    engine: Result<&dyn Engine, Failure>,
    reference: &[u8],
    earlier: Vec<Phase>,
    clock: &dyn Clock,
    observer: &mut dyn Observer,
) -> Reply {
    let ready = workload.and_then(|mut workload| {
        if request.sent_over().is_some() {
            // What runs between the networks is the server's work too.
            workload.composition = None;
        }
        if request.in_f16() && !request.engine.spec().computes_in_f16 {
            return Err(Failure::new(
                FailureKind::Unsupported,
                format!("{} does not compute in f16 here", request.engine),
            )
            .with_hint("choose burn-wgpu or burn-flex, or store the weights alone in f16: f16-weights"));
        }
        Ok((workload, engine?))
    });
    match request.kind {
        RequestKind::Reference => {
            let computed = match ready {
                Ok((workload, engine)) => run_once(&workload, engine, clock).await,
                Err(failure) => Err(failure),
            };
            match computed {
                Ok((inputs, outputs, accuracy)) => {
                    let info = |tensors: &[NamedTensor]| tensors.iter().map(NamedTensor::info).collect();
                    let event = Event::Reference {
                        inputs: info(&inputs),
                        outputs: info(&outputs),
                        accuracy,
                    };
                    Reply {
                        event,
                        tensors: tensor_codec::encode(&[inputs, outputs].concat()),
                    }
                }
                Err(failure) => Reply {
                    event: Event::NoReference { failure },
                    tensors: vec![],
                },
            }
        }
        RequestKind::Measure => {
            let reference = tensor_codec::decode(reference)
                .map_err(|error| Failure::new(FailureKind::Reference, format!("cannot decode the reference: {error}")));
            match ready.and_then(|(workload, engine)| Ok((workload, engine, reference?))) {
                Ok((workload, engine, reference)) => {
                    let before_ns = calibration_ns(clock);
                    let (mut cell, outputs) =
                        measure(request, workload, engine, &reference, earlier, clock, observer).await;
                    let after_ns = calibration_ns(clock);
                    cell.calibration = Some(CpuCalibration { before_ns, after_ns });
                    Reply {
                        event: Event::Done { cell: Box::new(cell) },
                        tensors: tensor_codec::encode(&outputs),
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

/// Inputs and outputs of a run, and what converted weights change.
type Computed = (Vec<NamedTensor>, Vec<NamedTensor>, Option<Accuracy>);

async fn run_once(workload: &Workload, engine: &dyn Engine, clock: &dyn Clock) -> Result<Computed, Failure> {
    // Those of a composition are our own, and tested.
    if workload.composition.is_none() {
        engine.refuse_reference(&workload.bytes)?;
    }
    let mut loaded = workload.load(engine, clock).await?;
    let outputs = loaded.run(clock).await?;
    let accuracy = match &workload.accuracy {
        Some(check) => {
            let originals = check.prepare()?;
            let mut model = originals.model.load(engine, clock).await?;
            Some(agreement(&originals, &mut model, &mut loaded, clock, || true).await?)
        }
        None => None,
    };
    Ok((workload.inputs.clone(), workload.name_outputs(outputs), accuracy))
}

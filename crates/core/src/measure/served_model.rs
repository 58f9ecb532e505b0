use tare_record::{EngineInfo, Failure, FailureKind, ServerFacts};

use crate::{Clock, Engine, LoadedWorkload, NamedTensor, Tensor, Workload};

/// A model that answers the requests of others, one or several in a run.
pub struct ServedModel<'a> {
    workload: &'a Workload,
    engine: EngineInfo,
    /// The model for 1 request, and for more at once, by their number, ascending.
    models: Vec<(usize, LoadedWorkload<'a>)>,
}

impl<'a> ServedModel<'a> {
    /// Loads the model, and runs it until the engine has chosen its kernels, so that the first answer does not pay for
    /// that.
    ///
    /// # Errors
    ///
    /// If the engine fails.
    pub async fn load(workload: &'a Workload, engine: &dyn Engine, clock: &dyn Clock) -> Result<Self, Failure> {
        let mut models = vec![(1, workload.load(engine, clock).await?)];
        for (requests, merged) in &workload.merged {
            models.push((*requests, merged.load(engine, clock).await?));
        }
        for (_, loaded) in &mut models {
            loaded.run(clock).await?;
            while !loaded.tuning_complete(clock.now_ns()) {
                loaded.run(clock).await?;
            }
        }
        Ok(Self {
            workload,
            engine: engine.info(),
            models,
        })
    }

    /// What runs here, for clients.
    pub fn facts(&self) -> ServerFacts {
        let loaded = &self.models[0].1;
        let info = loaded.info();
        ServerFacts {
            model: self.workload.model.clone(),
            inputs: self.workload.inputs.iter().map(NamedTensor::info).collect(),
            outputs: self.workload.outputs.clone(),
            engine: self.engine.clone(),
            phases: loaded.phases().to_vec(),
            threads: info.threads,
            vector_level: info.vector_level,
            adapter: info.adapter,
            shader_language: info.shader_language,
            settings: info.settings,
            kernels: loaded.kernels(),
        }
    }

    /// Runs the model once for all requests, each with its inputs in the model's order. Returns the outputs of each.
    ///
    /// # Errors
    ///
    /// If there are more requests than the model was loaded for, an input or output does not have the requests in its
    /// first dimension, or the engine fails.
    pub async fn run(
        &mut self,
        requests: &[&[NamedTensor]],
        clock: &dyn Clock,
    ) -> Result<Vec<Vec<NamedTensor>>, Failure> {
        let count = requests.len();
        let failed = |what: &str| {
            Failure::new(
                FailureKind::Run,
                format!("{count} requests cannot become one run: {what}"),
            )
        };
        let last = requests.last().ok_or_else(|| failed("there are none"))?;
        let found = self.models.iter_mut().find(|(size, _)| *size >= count);
        let (size, loaded) = found.ok_or_else(|| failed("no model is loaded for that many"))?;
        if *size == 1 {
            let outputs = loaded.run_with(last, clock).await?;
            return Ok(vec![self.workload.name_outputs(outputs)]);
        }
        // Places that nobody asked for get the last inputs again.
        let of_places: Vec<&[NamedTensor]> = (0..*size).map(|place| *requests.get(place).unwrap_or(last)).collect();
        let joined = last.iter().enumerate().map(|(position, input)| {
            let parts: Vec<&Tensor> = of_places.iter().map(|inputs| &inputs[position].tensor).collect();
            Some(NamedTensor {
                name: input.name.clone(),
                tensor: Tensor::joined(&parts)?,
            })
        });
        let joined: Vec<NamedTensor> = joined
            .collect::<Option<_>>()
            .ok_or_else(|| failed("an input has no first dimension"))?;
        let outputs = loaded.run_with(&joined, clock).await?;
        let of_request = |index| {
            let parts = outputs.iter().map(|output| output.part(index, *size));
            parts.collect::<Option<Vec<Tensor>>>()
        };
        let parts = (0..count).map(|index| Some(self.workload.name_outputs(of_request(index)?)));
        parts
            .collect::<Option<_>>()
            .ok_or_else(|| failed("an output cannot be split by request"))
    }
}

//! `--script FILE` of `fmgauge simulate` and `fmgauge run`: what goes wrong in a simulation, and what is limited.
//!
//! It reads; what a fault does is the simulator's. A file is read as strictly as a configuration:
//! each error has its place and a mend.

#![expect(clippy::ref_option, reason = "fields are passed as the checker of shared takes them")]

mod fault;
mod raw;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use shared::config::ConfigErrors;
use shared::config::reading::{Checker, Field, Spanned, join, nearest, read};
use simulator::{DaySwing, Limit, Outage, ScriptedFault, SimulatorConfig};

use crate::exit::Refusal;

/// The version of the language.
const VERSION: i64 = 1;

/// What a script file says.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Script {
    faults: Vec<ScriptedFault>,
    limits: Vec<Limit>,
    outages: Vec<Outage>,
    /// Of which model, or of all.
    day_swings: Vec<(Option<String>, DaySwing)>,
}

impl Script {
    /// Reads a file.
    pub(crate) fn read(path: &Path, models: &[String]) -> Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| Refusal(format!("failed to read the script {}", path.display())))?;
        Self::parse(&text, models)
            .with_context(|| Refusal(format!("the script {} is not acceptable", path.display())))
    }

    /// Reads a file's text. `models` are those that are simulated.
    pub(crate) fn parse(text: &str, models: &[String]) -> Result<Self, ConfigErrors> {
        let raw = read::<Option<raw::Raw>>(text).map_err(|error| ConfigErrors::from(*error))?;
        let mut reader = Reader { checker: Checker::new(text), models };
        let mut script = Self::default();
        if let Some(raw) = raw {
            reader.check_version(&raw.version);
            reader.each(&raw.faults, "faults", |reader, fault, path| {
                script.faults.extend(fault::check(reader, fault, path));
            });
            reader.each(&raw.limits, "limits", |reader, limit, path| {
                script.limits.push(reader.limit(limit, path));
            });
            reader.each(&raw.outages, "outages", |reader, outage, path| {
                script.outages.extend(reader.outage(outage, path));
            });
            reader.each(&raw.day_swings, "day_swings", |reader, swing, path| {
                script.day_swings.extend(reader.day_swing(swing, path));
            });
        } else {
            reader.check_version(&None);
        }
        reader.checker.finish(script)
    }

    /// Puts it into force.
    pub(crate) fn apply(self, config: &mut SimulatorConfig) {
        config.script = self.faults;
        config.limits = self.limits;
        config.outages = self.outages;
        for profile in &mut config.profiles {
            let is_its = |model: &Option<String>| {
                model.as_ref().is_none_or(|model| *model == profile.model_id)
            };
            let swing = self.day_swings.iter().find(|(model, _)| is_its(model));
            profile.day_swing = swing.map(|(_, swing)| *swing);
        }
    }
}

/// What reads a script, with the errors so far.
#[derive(Debug)]
struct Reader<'a> {
    checker: Checker<'a>,
    models: &'a [String],
}

impl Reader<'_> {
    fn check_version(&mut self, version: &Field<i64>) {
        let mend = "begin with `version: 1`";
        match version {
            Some(version) if version.value == VERSION => {}
            Some(version) => {
                let problem = format!("version {} is not known here", version.value);
                self.checker.refuse(version.referenced, "version", problem, mend);
            }
            None => self.checker.refuse_whole("version", "the version is not given", mend),
        }
    }

    /// Reads each item of a list, with its path.
    fn each<T>(
        &mut self,
        list: &Field<Vec<Spanned<T>>>,
        name: &str,
        mut item: impl FnMut(&mut Self, &Spanned<T>, &str),
    ) {
        let Some(list) = list else { return };
        for (index, raw) in list.value.iter().enumerate() {
            item(self, raw, &format!("{name}[{index}]"));
        }
    }

    /// A model that is simulated; none for all.
    fn model(&mut self, model: &Field<String>, item_path: &str) -> Option<String> {
        let field = model.as_ref()?;
        let name = &field.value;
        if !self.models.contains(name) {
            let known = self.models.join(", ");
            let mend = match nearest(name, self.models.iter().map(String::as_str)) {
                Some(nearest) => format!("did you mean `{nearest}`? simulated: {known}"),
                None => format!("simulated are: {known}"),
            };
            let problem = format!("`{name}` is not simulated here");
            self.checker.refuse(field.referenced, &join(item_path, "model"), problem, mend);
        }
        Some(name.clone())
    }

    /// A duration that must be given.
    fn duration(
        &mut self,
        item: &Spanned<impl Sized>,
        field: &Field<String>,
        path: &str,
    ) -> Option<Duration> {
        if field.is_none() {
            let name = path.rsplit('.').next().unwrap_or(path);
            let mend = format!("give it as a number and its unit: `{name}: 800ms`");
            self.checker.refuse(item.referenced, path, "it is not said how long", mend);
        }
        self.checker.duration(field, path)
    }

    fn limit(&mut self, item: &Spanned<raw::Limit>, path: &str) -> Limit {
        let raw = &item.value;
        let most = 1..=u32::MAX;
        let model_id = self.model(&raw.model, path);
        let mut count =
            |field: &Field<i64>, name: &str| self.checker.count(field, &join(path, name), &most);
        let requests_per_minute = count(&raw.requests_per_minute, "requests_per_minute");
        let tokens_per_minute = count(&raw.tokens_per_minute, "tokens_per_minute");
        let output_burndown = count(&raw.output_burndown, "output_burndown").unwrap_or(1);
        if raw.requests_per_minute.is_none() && raw.tokens_per_minute.is_none() {
            let mend = "give `requests_per_minute`, `tokens_per_minute`, or both";
            self.checker.refuse(item.referenced, path, "it limits nothing", mend);
        }
        let burst = self.checker.duration(&raw.burst, &join(path, "burst"));
        let burst = burst.unwrap_or(Limit::default().burst);
        let limit =
            Limit { model_id, requests_per_minute, tokens_per_minute, output_burndown, burst };
        if !limit.is_sensible() {
            let mend = "raise the limit or the burst";
            let problem = "a burst of it holds not even one request or token";
            self.checker.refuse(item.referenced, path, problem, mend);
        }
        limit
    }

    fn outage(&mut self, item: &Spanned<raw::Outage>, path: &str) -> Option<Outage> {
        // At the very start where it is not given.
        let begins = self.checker.duration(&item.value.begins, &join(path, "begins"));
        let lasts = self.duration(item, &item.value.lasts, &join(path, "lasts"))?;
        Some(Outage { begins: begins.unwrap_or_default(), lasts })
    }

    fn day_swing(
        &mut self,
        item: &Spanned<raw::DaySwing>,
        path: &str,
    ) -> Option<(Option<String>, DaySwing)> {
        let raw = &item.value;
        let model = self.model(&raw.model, path);
        if raw.amplitude.is_none() || raw.peak_hour.is_none() {
            let mend = "give both: `{amplitude: 30%, peak_hour: 14}`";
            let problem = "a swing needs an amplitude and the hour of its peak";
            self.checker.refuse(item.referenced, path, problem, mend);
        }
        let of = "the mean latency";
        let amplitude = self.checker.share(&raw.amplitude, &join(path, "amplitude"), of)?;
        let path_of_hour = join(path, "peak_hour");
        let peak_hour = self.checker.number(&raw.peak_hour, &path_of_hour, &(0.0..=24.0))?;
        let swing = DaySwing { amplitude, peak_hour: peak_hour % 24.0 };
        if !swing.is_sensible() {
            let mend = "write a share below 100%";
            let problem = "at its fastest hour a model would take no time at all";
            self.checker.refuse(item.referenced, &join(path, "amplitude"), problem, mend);
        }
        Some((model, swing))
    }
}

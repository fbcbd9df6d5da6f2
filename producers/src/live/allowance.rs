//! What processes may spend of a provider together: its quota, its "too many", and the trials of a breaker that is half open.
//!
//!     a call ─► one script in Redis, by Redis' own clock ─► taken, or how long until it is there
//!               └──(Redis does not answer)──► none: the caller goes by what it has itself
//!
//! The quota is the instant up to which it is spent (GCRA, the continuous leaky bucket of ITU-T I.371), which expires by itself. A
//! process counts as one that spends it for [`REMEMBERED`] after each wish: by that number the others' share is known when Redis goes.
//! Kept here is nothing; how long a call may take, and when none is made, is [`Shared`]'s. Who waits keeps no place in line.

use std::num::NonZeroU32;
use std::time::Duration;

use super::profile::RateLimit;
use super::shared::Shared;

/// How long a process counts among those who spend a quota.
const REMEMBERED: Duration = Duration::from_mins(1);
/// Before a provider's name: the instant up to which its quota is spent.
const QUOTA: &str = "slipstream:quota:";
/// Its pause.
const PAUSE: &str = "slipstream:pause:";
/// Who spends its quota.
const SPENDERS: &str = "slipstream:spenders:";
/// The trials that were made while its breaker is half open.
const TRIALS: &str = "slipstream:trials:";

/// Keys: quota, pause, spenders. Arguments: microseconds a unit takes to come back, units that may be spent at once, units wished for,
/// the process, milliseconds that it is remembered. Gives microseconds to wait (0: taken), processes, milliseconds of pause.
const TAKE: &str = "
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
redis.call('ZADD', KEYS[3], now, ARGV[4])
redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', now - ARGV[5] * 1000)
redis.call('PEXPIRE', KEYS[3], ARGV[5])
local spenders = redis.call('ZCARD', KEYS[3])
local pause = redis.call('PTTL', KEYS[2])
if pause > 0 then return {0, spenders, pause} end
local spent = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), now) + ARGV[1] * ARGV[3]
local wait = math.ceil(spent - now - ARGV[1] * ARGV[2])
if wait > 0 then return {wait, spenders, 0} end
redis.call('SET', KEYS[1], string.format('%.0f', spent), 'PX', math.ceil((spent - now) / 1000) + 1)
return {0, spenders, 0}";

/// Key: pause. Argument: its milliseconds; a pause that holds is not made shorter.
const HOLD: &str = "
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[1]) then redis.call('SET', KEYS[1], 'too many', 'PX', ARGV[1]) end
return 0";

/// Key: trials. Arguments: milliseconds until they are forgotten. Gives how many there are with this one.
const TRY: &str = "
local trials = redis.call('INCR', KEYS[1])
if trials == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return trials";

/// What Redis says to a wish for units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Grant {
    /// Until they are there; zero: they are taken, unless there is a pause.
    pub(super) wait: Duration,
    /// Processes that spend the quota, this one included; at least 1.
    pub(super) spenders: u32,
    /// The provider has told one of them to wait for so much longer.
    pub(super) pause: Duration,
}

/// What processes may spend of one provider.
#[derive(Debug, Clone, Copy)]
pub(super) struct Allowance<'a> {
    shared: &'a Shared,
    provider: &'a str,
}

impl<'a> Allowance<'a> {
    pub(super) fn of(shared: &'a Shared, provider: &'a str) -> Self {
        Self { shared, provider }
    }

    /// Wishes for units, at most as many as may be spent at once; none where Redis does not answer.
    pub(super) async fn take(&self, limit: RateLimit, units: NonZeroU32) -> Option<Grant> {
        let each_us = limit.per.as_secs_f64() * 1e6 / f64::from(limit.units.get());
        let mut ask = redis::pipe();
        ask.cmd("EVAL").arg(TAKE).arg(3);
        [QUOTA, PAUSE, SPENDERS].iter().for_each(|prefix| _ = ask.arg(self.key(prefix)));
        ask.arg(each_us).arg(limit.burst.get()).arg(units.get()).arg(self.shared.process()).arg(millis(REMEMBERED));
        let said = self.shared.call::<Vec<Vec<u64>>>(&ask).await?;
        let [wait, spenders, pause] = said.first()?[..] else { return None };
        let spenders = u32::try_from(spenders).unwrap_or(u32::MAX).max(1);
        Some(Grant { wait: Duration::from_micros(wait), spenders, pause: Duration::from_millis(pause) })
    }

    /// Tells the others that the provider wants to be left alone for so long.
    pub(super) async fn pause(&self, time: Duration) {
        let mut tell = redis::pipe();
        tell.cmd("EVAL").arg(HOLD).arg(1).arg(self.key(PAUSE)).arg(millis(time)).ignore();
        // Who does not hear of it is told by the provider.
        let _ = self.shared.call::<redis::Value>(&tell).await;
    }

    /// Whether one more call may try if it is over, of so many in all processes within a time; so where Redis does not answer.
    pub(super) async fn may_try(&self, most: u32, within: Duration) -> bool {
        let mut ask = redis::pipe();
        ask.cmd("EVAL").arg(TRY).arg(1).arg(self.key(TRIALS)).arg(millis(within));
        let trials = self.shared.call::<Vec<u32>>(&ask).await;
        trials.and_then(|trials| trials.first().copied()).is_none_or(|trials| trials <= most)
    }

    fn key(&self, prefix: &str) -> String {
        format!("{prefix}{}", self.provider)
    }
}

/// The breaker is no longer half open here: the next time, all trials are there again.
pub(super) fn forget_trials(tell: &mut redis::Pipeline, provider: &str) {
    tell.cmd("DEL").arg(format!("{TRIALS}{provider}")).ignore();
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX).max(1)
}

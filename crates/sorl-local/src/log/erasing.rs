//! Taking somebody's messages out of a log on request.
//!
//! Not expiry, and no epoch is raised: what was erased shall not be asked for again, so that it is missing is not
//! told as a gap.

use sorl_core::message::Message;
use sorl_core::names::ChannelName;
use sorl_core::ports::{Order, Unavailable};

use super::{LocalLog, PORT, after_row, rows};
use crate::store::{Batch, Key, Portion, Rows, StoreError, Tag};

/// Rows read, and deleted, at once.
const BATCH_ROWS: usize = 500;

impl LocalLog {
    /// Counts the messages that are meant in these channels, or in all, or takes them out for good.
    ///
    /// # Errors
    /// [`Unavailable`]: some of them may be gone.
    pub async fn erase(
        &self,
        channels: Option<&[ChannelName]>,
        is_meant: &(dyn Fn(&Message) -> bool + Sync),
        erase: bool,
    ) -> Result<usize, Unavailable> {
        let places = match channels {
            Some(channels) => channels.iter().map(|channel| rows::channel(&self.region, channel)).collect(),
            None => vec![Key::new(Tag::Message).text(self.region.as_str())],
        };
        let mut count = 0;
        for place in places {
            count += self.erase_below(place, is_meant, erase).await?;
        }
        Ok(count)
    }

    async fn erase_below(
        &self,
        place: Key,
        is_meant: &(dyn Fn(&Message) -> bool + Sync),
        erase: bool,
    ) -> Result<usize, Unavailable> {
        let (mut range, mut count) = (place.children(), 0);
        loop {
            let portion = Portion::rows(BATCH_ROWS);
            let read = self.store.scan(range.clone(), Order::Ascending, portion);
            let read = read.map_err(|fault| fault.of(PORT))?;
            let (meant, batch) = meant(&read, is_meant).map_err(|fault| fault.of(PORT))?;
            count += meant;
            if erase && !batch.is_empty() {
                self.write(batch).await?;
            }
            match read.rows.last() {
                Some(last) if read.more => range.start = after_row(last),
                _ => return Ok(count),
            }
        }
    }
}

/// How many are meant, and what takes them out, with their places in the expiry's order.
fn meant(read: &Rows, is_meant: &(dyn Fn(&Message) -> bool + Sync)) -> Result<(usize, Batch), StoreError> {
    let (mut count, mut batch) = (0, Batch::default());
    for row in &read.rows {
        let entry = rows::read_entry(&row.value)?;
        if is_meant(&entry.message) {
            count += 1;
            batch.delete(rows::expiry(entry.expires_at).bytes(&row.key));
            batch.delete(row.key.to_vec());
        }
    }
    Ok((count, batch))
}

//! Reading the past, page by page or all of it.

use std::collections::VecDeque;

use futures::{Stream, stream};
use sorl_core::message::Message;
use sorl_core::names::ChannelName;

use super::{Client, ClientError};
use crate::machine::Ask;
use crate::session::{Failure, Past, Reply};
use crate::wire::Page;

impl Client {
    /// A page of the past, 50 messages unless said; it moves no cursor.
    ///
    /// # Errors
    /// [`ClientError::Failed`] if the service refused or did not answer.
    pub async fn history(
        &self,
        channel: &ChannelName,
        past: Past,
        limit: Option<u32>,
    ) -> Result<Page, ClientError> {
        match self.ask(Ask::History { channel: channel.clone(), past, limit }).await? {
            Reply::History(page) => Ok(page),
            _ => Err(ClientError::Failed(Failure::Unknown)),
        }
    }

    /// The past over all its pages, which are fetched as they are needed: oldest first after a bound, newest
    /// first before one or from the latest on. It ends with the history, or after its first error.
    pub fn messages(
        &self,
        channel: &ChannelName,
        past: Past,
    ) -> impl Stream<Item = Result<Message, ClientError>> + Send + use<> {
        let reading = Reading {
            client: self.clone(),
            channel: channel.clone(),
            next: Some(past),
            page: VecDeque::new(),
        };
        stream::try_unfold(reading, Reading::next)
    }
}

/// How far a reading of the past has come.
struct Reading {
    client: Client,
    channel: ChannelName,
    /// Where the next page is; none after the last.
    next: Option<Past>,
    page: VecDeque<Message>,
}

impl Reading {
    async fn next(mut self) -> Result<Option<(Message, Self)>, ClientError> {
        while self.page.is_empty() {
            let Some(past) = self.next.take() else { return Ok(None) };
            let page = self.client.history(&self.channel, past, None).await?;
            self.turn(past, page);
        }
        Ok(self.page.pop_front().map(|message| (message, self)))
    }

    fn turn(&mut self, past: Past, page: Page) {
        let oldest = page.messages.first().map(|message| message.id);
        // A page that does not lead on would be asked for without end.
        self.next = match past {
            Past::Since(since) => (page.more && page.cursor > since).then_some(Past::Since(page.cursor)),
            Past::Before(before) if page.cursor < before => page.more.then_some(Past::Before(page.cursor)),
            Past::Before(_) => None,
            Past::Latest => oldest.filter(|_| page.more).map(Past::Before),
        };
        self.page = page.messages.into();
        if !matches!(past, Past::Since(_)) {
            self.page.make_contiguous().reverse();
        }
    }
}

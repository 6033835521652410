//! Where a partition's leader is, told with the error that says it is not here (KIP-951).

use super::{EncodeError, Writer};

/// The leader of a partition; both numbers are -1 when it is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CurrentLeader {
    pub leader_id: i32,
    pub leader_epoch: i32,
}

/// How clients reach a leader that `CurrentLeader` names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeEndpoint<'a> {
    pub node_id: i32,
    pub host: &'a str,
    pub port: i32,
    pub rack: Option<&'a str>,
}

impl CurrentLeader {
    /// Whether it says something: the wire leaves it out otherwise.
    pub(super) fn is_set(self) -> bool {
        (self.leader_id, self.leader_epoch) != (-1, -1)
    }

    pub(super) fn write(self, writer: &mut Writer) -> Result<(), EncodeError> {
        writer.i32(self.leader_id);
        writer.i32(self.leader_epoch);
        writer.uvarint(0);
        Ok(())
    }
}

/// The tagged fields at the end of a flexible Produce or Fetch response.
pub(super) fn write_endpoint_tags(
    writer: &mut Writer,
    endpoints: &[NodeEndpoint<'_>],
) -> Result<(), EncodeError> {
    writer.uvarint(u32::from(!endpoints.is_empty()));
    if endpoints.is_empty() {
        return Ok(());
    }
    writer.tag(0, |writer| {
        writer.array(true, endpoints, |writer, endpoint| {
            writer.i32(endpoint.node_id);
            writer.string(true, endpoint.host)?;
            writer.i32(endpoint.port);
            writer.opt_string(true, endpoint.rack)?;
            writer.uvarint(0);
            Ok(())
        })
    })
}

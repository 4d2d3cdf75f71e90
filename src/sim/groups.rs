//! Groups: members, addressing, and the notifications about them.

use crate::ids::Jid;
use crate::sim::error::SimError;
use crate::sim::group::{Addressing, Group};
use crate::sim::stanza;
use crate::sim::world::World;
use crate::wire::node::Node;

impl World {
    /// Creates a group. `members` are by phone number or by LID; the first is the creator.
    pub(super) fn create_group(
        &mut self,
        subject: &str,
        members: &[Jid],
        addressing: Addressing,
    ) -> Result<Jid, SimError> {
        let members: Option<Vec<Jid>> = members
            .iter()
            .map(|jid| Some(self.accounts.canonical(jid)?.bare()))
            .collect();
        let members = members.ok_or(SimError::UnknownAccount)?;
        let creator = members.first().ok_or(SimError::UnknownAccount)?.clone();
        let group = Group {
            subject: subject.to_owned(),
            created_s: self.unix_s(),
            members: members.into_iter().collect(),
            creator,
            addressing,
        };
        let jid = Jid::group(format!("1203630{:011}", self.take_id()));
        self.groups.insert(jid.clone(), group);
        Ok(jid)
    }

    /// Answers a client's query about groups. Clients can create groups and read their metadata.
    pub(super) fn group_query(&mut self, id: &str, asker: &Jid, query: &Node) -> Node {
        if let Some(create) = query.child("create") {
            let mut members = vec![asker.bare()];
            members.extend(
                create
                    .children_named("participant")
                    .filter_map(|node| node.attr_jid("jid")),
            );
            let subject = create.attr_text("subject").unwrap_or_default();
            return match self.create_group(&subject, &members, self.new_groups) {
                Ok(jid) => {
                    self.tell_members(&jid, asker);
                    self.group_answer(id, &jid)
                }
                Err(_) => stanza::error(id, 404, "item-not-found"),
            };
        }
        if query.child("participating").is_some() {
            let of_asker = |group: &&Jid| {
                let members = self.groups.get(*group).map(|group| &group.members);
                members.is_some_and(|members| members.contains(&asker.bare()))
            };
            let groups = self.groups.keys().filter(of_asker);
            let groups: Vec<Node> = groups.filter_map(|jid| self.group_node(jid)).collect();
            return stanza::result(id).with_child(Node::new("groups").with_children(groups));
        }
        match query.attr_jid("to") {
            Some(jid) if query.child("query").is_some() => self.group_answer(id, &jid),
            _ => stanza::not_implemented(id),
        }
    }

    /// Notifies the companions of all members of the new group, except the device that created it.
    pub(super) fn tell_members(&mut self, group: &Jid, except: &Jid) {
        let Some(node) = self.group_node(group) else {
            return;
        };
        let create = Node::new("create").attr("type", "new").with_child(node);
        for device in self.group_devices(group) {
            if device.device != 0 && device != *except {
                self.notify(&device, group, "w:gp2", create.clone());
            }
        }
    }

    fn group_answer(&self, id: &str, jid: &Jid) -> Node {
        match self.group_node(jid) {
            Some(node) => stanza::result(id).with_child(node),
            None => stanza::error(id, 404, "item-not-found"),
        }
    }

    fn group_node(&self, jid: &Jid) -> Option<Node> {
        let group = self.groups.get(jid)?;
        let mode = group.addressing;
        let member = |member: &Jid| {
            let account = self.accounts.get(member)?;
            let (other, otherwise) = match mode {
                Addressing::Lid => ("phone_number", account.pn(0)),
                Addressing::Pn => ("lid", account.lid(0)),
            };
            let role = (*member == group.creator).then_some("superadmin");
            Some(
                Node::new("participant")
                    .attr("jid", account.address(mode.server(), 0))
                    .attr(other, otherwise)
                    .attr_opt("type", role),
            )
        };
        let creator = self.accounts.get(&group.creator)?;
        let node = Node::new("group")
            .attr("id", &jid.user)
            .attr("subject", &group.subject)
            .attr("s_t", group.created_s)
            .attr("creation", group.created_s)
            .attr("creator", creator.address(mode.server(), 0))
            .attr("addressing_mode", mode.as_str())
            .attr("size", group.members.len());
        Some(node.with_children(group.members.iter().filter_map(member)))
    }

    /// Adds the sender's JID in the group's kind of addressing, and the other kind as an
    /// alternative.
    pub(super) fn with_member(&self, node: Node, group: &Jid, pn: Jid, lid: Jid) -> Node {
        let mode = self.groups.get(group).map(|group| group.addressing);
        let mode = mode.unwrap_or_default();
        let node = match mode {
            Addressing::Lid => node.attr("participant", lid).attr("participant_pn", pn),
            Addressing::Pn => node.attr("participant", pn).attr("participant_lid", lid),
        };
        node.attr("addressing_mode", mode.as_str())
    }

    /// Returns all devices of all members, by phone number.
    pub(super) fn group_devices(&self, group: &Jid) -> Vec<Jid> {
        let members = self.groups.get(group).map(|group| &group.members);
        let accounts = members.into_iter().flatten();
        let accounts = accounts.filter_map(|member| self.accounts.get(member));
        accounts
            .flat_map(|account| account.devices.keys().map(|number| account.pn(*number)))
            .collect()
    }
}

package import Foundations

/// Deciding the name of a device (docs/decisions/0041).
package enum DeviceNaming {
    /// Names the device of a session, and says whether one of these users has it.
    ///
    /// It is no event of the audit log: the name is personal data.
    ///
    /// - Parameters:
    ///   - label: the name; what is empty without its invisible characters takes it back.
    ///   - users: the names under which the caller has sessions.
    ///   - record: the session, as storage has it at this step.
    ///   - now: the time.
    ///   - terms: how long sessions live.
    package static func decide(
        _ label: String, by users: [UserID], against record: SessionRecord?, at now: Timestamp,
        within terms: SessionTerms
    ) -> Decision<Bool> {
        guard let record, users.contains(record.userID), !record.isExpired(at: now, within: terms) else {
            return Decision(.keep, false)
        }
        var (next, device) = (record, record.traits.device ?? SessionDevice())
        device.givenLabel = SessionDevice.label(label)
        next.traits.device = device == SessionDevice() ? nil : device
        return Decision(next == record ? .keep : .replace(next), true)
    }
}

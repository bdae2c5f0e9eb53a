import LosslessJSON
import SessionEngine
import SessionStorage

/// What an operator said about an end is part of its event, in the same step (docs/decisions/0042).
extension StorageConformance {
    private static let note = AuditNote(operatorName: "alice", reasonText: #"lost "phone" %s %1$s \ ü"#)
    private static let noted = Revocation(by: .administrator, .handle, at: ConformanceSample.start, note: note)

    static let noteChecks = [
        Check("what an operator said is in the event of each session that is revoked") { storage in
            for (handle, user) in [("a", "u1"), ("b", "u1"), ("c", "u1"), ("d", "u2"), ("e", "u2")] {
                try await storage.insert(ConformanceSample.record(handle, user: user))
            }
            _ = try await storage.remove(.handles(["a"]), audit: noted)
            _ = try await storage.remove(.handles(["b", "c"]), audit: noted)
            _ = try await storage.remove(.user("u2", liveAt: ConformanceSample.start), audit: noted)
            let events = try await storage.auditEvents(AuditQuery(name: .revoked)).map(\.event)
            try expect(events.map(\.details), is: Array(repeating: note.details, count: 5), "the details")
        },
        Check("what an operator said is in the event about all sessions of a user") { storage in
            for number in 0..<9 { try await storage.insert(ConformanceSample.record("\(number)")) }
            try await CutOff.$largestStep.withValue(4) {
                _ = try await storage.remove(.user("u1", liveAt: ConformanceSample.start), audit: noted)
            }
            // A storage that ends them all in one step has an event for each and none about all.
            let events =
                try await storage.auditEvents(AuditQuery(name: .revokedAll))
                + storage.auditEvents(AuditQuery(name: .revoked))
            try expect(events.isEmpty, is: false, "no events")
            for event in events.map(\.event) {
                try expect(event.details["operator"], is: "alice", "the operator")
                try expect(event.details["reasonText"], is: .string(note.reasonText), "the reason")
                let hasTime = event.details["createdUpTo"] != nil
                try expect(hasTime, is: event.name == .revokedAll, "the time")
            }
        },
    ]
}

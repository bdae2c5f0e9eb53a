import SessionEngine
import SessionStorage

extension StorageConformance {
    static let activityChecks = [
        Check("a user counts as active from the time of the note on, once") { storage in
            let (start, later) = (ConformanceSample.start, ConformanceSample.later)
            try await storage.noteActivity([UserID("a"): start, UserID("b"): later])
            try await storage.noteActivity([UserID("b"): later])
            try await storage.noteActivity([:])
            try expect(try await storage.countActiveUsers(since: start), is: 2, "active since the first note")
            try expect(
                try await storage.countActiveUsers(since: start + Milliseconds(1)), is: 1, "active after the first note"
            )
            try expect(try await storage.countActiveUsers(since: later + Milliseconds(1)), is: 0, "active after both")
        },
        Check("a note that comes late does not set a user back") { storage in
            let (start, later) = (ConformanceSample.start, ConformanceSample.later)
            try await storage.noteActivity([UserID("a"): later])
            try await storage.noteActivity([UserID("a"): start])
            try expect(try await storage.countActiveUsers(since: later), is: 1, "active at the later time")
        },
    ]
}

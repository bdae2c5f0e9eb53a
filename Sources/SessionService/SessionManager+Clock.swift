package import Foundations
package import SessionEngine
import SessionStorage
import Synchronization

/// The time that storage had noted, and what this process thinks of its own.
package struct ClockReport: Sendable, Hashable {
    package let judgement: ClockJudgement
    /// What the clock shows.
    package let shown: Timestamp
    /// What was noted last.
    package let noted: Timestamp
}

/// The noted time that a process knows, and since when.
final class ClockWatch: Sendable {
    private let known = Mutex<(noted: Timestamp, since: MonotonicTime)?>(nil)

    /// The noted time if it was close to `now` a moment ago, so that storage need not be read.
    func near(_ now: Timestamp) -> Timestamp? {
        known.withLock { known in
            guard let noted = known?.noted, noted <= now, now - noted < ClockWatch.interval else { return nil }
            return noted
        }
    }

    /// How often a time is noted, at most.
    static let interval = Milliseconds.seconds(3_600)

    /// How much time has passed here since a time was first seen.
    func elapsed(since noted: Timestamp) -> Milliseconds {
        let present = MonotonicTime.present
        return known.withLock { known in
            if known?.noted != noted { known = (noted, present) }
            return Milliseconds((present - (known?.since ?? present)).inMilliseconds)
        }
    }
}

extension SessionManager {
    /// Compares the clock with the time that was noted in storage, and notes it there if it is right.
    ///
    /// - Parameter isAccepted: whether an operator says that the clock is right, however far it is from the noted time.
    /// - Returns: what nothing may be deleted by, unless it is ``ClockJudgement/right``.
    /// - Throws: ``ServiceError``; with `StorageError.Code.corrupt` where something else than a time was noted.
    package func judgeClock(isAccepted: Bool = false) async throws(ServiceError) -> ClockReport {
        let now = clock.time()
        if !isAccepted, let noted = clockWatch.near(now) {
            return ClockReport(judgement: .right, shown: now, noted: noted)
        }
        let text = try await storing { () async throws(StorageError) in
            try await storage.value(named: .notedTime) { "\(now.milliseconds)" }
        }
        if isAccepted {
            await note(now, over: text)
            return ClockReport(judgement: .right, shown: now, noted: now)
        }
        guard let noted = Int64(text).map({ Timestamp(milliseconds: $0) }) else {
            throw .storage(
                StorageError(.corrupt, "key_value, name \(StoredValueName.notedTime.rawValue): not a time"))
        }
        let judgement = ClockJudgement(now: now, noted: noted, elapsed: clockWatch.elapsed(since: noted))
        if judgement == .right { await note(now, over: text) }
        return ClockReport(judgement: judgement, shown: now, noted: noted)
    }

    /// Notes the time.
    ///
    /// Where that fails (a full disk, another node was faster) the next look does it.
    private func note(_ now: Timestamp, over text: String) async {
        _ = try? await storage.replaceValue(
            named: .notedTime, text, by: "\(now.milliseconds)", audit: nil)
    }
}

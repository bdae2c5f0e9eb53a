import SessionEngine
import SessionStorage
import SessionStorageTesting
import Synchronization
import TestSupport

/// Short waits of random length, put where a race can go wrong.
final class Delays: Sendable {
    private let dice: TestDice
    private let counter = Atomic(0)

    init(seed: UInt64) { dice = TestDice(seed: seed) }

    /// How often there was one.
    var count: Int { counter.load(ordering: .relaxed) }

    /// Lets others go first, for up to seven turns.
    func pause(atLeast least: Int = 0) async {
        let turns = max(least, Int(dice.next() % 8))
        if turns > 0 { counter.add(1, ordering: .relaxed) }
        for _ in 0..<turns { await Task.yield() }
    }

    /// Keeps its thread, one time in four, for up to a few microseconds.
    func spin() {
        guard dice.next() % 4 == 0 else { return }
        counter.add(1, ordering: .relaxed)
        for _ in 0..<dice.next() % 200 { _ = dice.next() }
    }
}

/// A storage that takes its time: before a step, between reading and writing, and after it.
///
/// When it is naive it makes the deliberate mistake of E-01 and E-02: what was decided is written without looking
/// whether it still holds.
struct RacingStorage: StorageDecorator {
    let base: any SessionStorage
    let delays: Delays
    let isNaive: Bool

    func update<Outcome: Sendable>(
        _ handle: SessionHandle, _ decide: @escaping @Sendable (SessionRecord?, Timestamp?) -> Decision<Outcome>
    ) async throws(StorageError) -> Outcome {
        let delays = delays
        await delays.pause()
        if isNaive { return try await updateInTwoSteps(handle, decide) }
        let outcome = try await base.update(handle) { record, time in
            let decided = decide(record, time)
            delays.spin()
            return decided
        }
        await delays.pause()
        return outcome
    }

    private func updateInTwoSteps<Outcome: Sendable>(
        _ handle: SessionHandle, _ decide: @escaping @Sendable (SessionRecord?, Timestamp?) -> Decision<Outcome>
    ) async throws(StorageError) -> Outcome {
        let current = try await base.session(handle)
        let decided = decide(current, nil)
        guard current != nil else { return decided.outcome }
        await delays.pause(atLeast: 1)
        switch decided.change {
        case .keep: break
        case .remove: try await base.update(handle) { _ in Decision(.remove, (), audit: decided.audit) }
        case .replace(let record):
            _ = try await base.remove(.handles([handle]))
            do throws(StorageError) { try await base.insert(record, audit: decided.audit) } catch {
                guard error.code == .alreadyExists else { throw error }
            }
        }
        return decided.outcome
    }

    func remove(
        _ selection: RevocationTarget, audit revocation: Revocation?
    ) async throws(StorageError) -> [SessionHandle] {
        await delays.pause()
        let ended = try await base.remove(selection, audit: revocation)
        await delays.pause()
        return ended
    }
}

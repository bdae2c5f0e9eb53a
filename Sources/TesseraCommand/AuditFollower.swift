import Foundations
import PlatformLibC
import SessionEngine
import SessionStorage
import UnixSignals

/// Prints entries of the audit log as they come, until it is interrupted or its output is closed.
struct AuditFollower {
    let place: AuditPlace
    let query: AuditQuery
    /// Prints an entry; returns whether it is read.
    let show: @Sendable (AuditRecord) -> Bool

    private static let interval = Duration.milliseconds(500)
    /// How long an entry may become visible after one with a larger number: twice the deadline of a statement.
    private static let settling = Duration.seconds(10)
    private static let pageSize = 1_000

    /// What has been read.
    private struct Position {
        /// Up to here nothing new can come.
        var floor: Int64
        /// What was printed, or was there before, after the floor.
        var seen: Set<Int64>
        /// The newest numbers of earlier looks, and when.
        var looks: [(time: MonotonicTime, newest: Int64)] = []

        mutating func note(_ newest: Int64, settling: Duration) {
            let now = MonotonicTime.present
            looks.append((now, newest))
            while let first = looks.first, first.time + settling <= now {
                floor = max(floor, first.newest)
                looks.removeFirst()
            }
            seen = seen.filter { $0 > floor }
        }
    }

    /// Prints what is there, and then what comes.
    ///
    /// - Throws: `StorageError` from the first look; later ones are repeated.
    func run() async throws {
        signal(SIGPIPE, SIG_IGN)
        guard let start = try await begin() else { return }
        let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm)
        await withTaskGroup(of: Void.self) { group in
            group.addTask { for await _ in signals { return } }
            group.addTask { await follow(from: start) }
            await group.next()
            group.cancelAll()
        }
    }

    /// Prints what comes until the output is closed, or the task is cancelled.
    private func follow(from start: Position) async {
        var (position, isAway) = (start, false)
        while !Task.isCancelled {
            do throws(StorageError) {
                guard try await read(&position) else { return }
                isAway = false
            } catch {
                if !isAway { Console.complain("tessera: \(error.detail); trying again\n") }
                isAway = true
            }
            do { try await Task.sleep(for: Self.interval) } catch { return }
        }
    }

    private var settling: Duration { place.isShared ? Self.settling : .zero }

    /// Prints the newest entries, unless a number says where to begin; `nil` when the output is closed.
    private func begin() async throws(StorageError) -> Position? {
        if case .oldestFirst(let after) = query.order { return Position(floor: after, seen: []) }
        let there = try await place.page(AuditQuery(limit: place.isShared ? Self.pageSize : 1)).map(\.sequence)
        let end = there.first ?? 0
        let records = try await place.page(query).filter { $0.sequence <= end }
        for record in records.reversed() where !show(record) { return nil }
        return Position(floor: place.isShared ? (there.last ?? 1) &- 1 : end, seen: Set(there))
    }

    /// Prints what is new; returns whether it is read.
    private func read(_ position: inout Position) async throws(StorageError) -> Bool {
        let newest = try await place.page(AuditQuery(limit: 1)).first?.sequence ?? 0
        var next = AuditQuery(
            order: .oldestFirst(after: position.floor), handle: query.handle, userID: query.userID, name: query.name,
            actor: query.actor, limit: Self.pageSize)
        while true {
            let records = try await place.page(next)
            for record in records where position.seen.insert(record.sequence).inserted && query.selects(record.event) {
                guard show(record) else { return false }
            }
            guard records.count == Self.pageSize, let last = records.last else { break }
            next.order = .oldestFirst(after: last.sequence)
        }
        position.note(newest, settling: settling)
        return true
    }
}

import Foundations
import SessionStorage

/// Keeps room for vital writes when the disk, or the number of pages that the database may have, comes to its end
/// (docs/decisions/0020).
///
/// Not shared: the writer alone has it, beside its connection.
final class Reserve {
    private let file: ReserveFile
    private let maximumPages: Int64?
    private let clock: @Sendable () -> MonotonicTime
    private var nextLook: MonotonicTime

    /// An ordinary write has no room beside what is kept.
    static let full = StorageError(
        .full,
        "the disk is full but for the reserve of revocations: free some space for the data folder; a running core goes "
            + "on by itself")

    /// How often at most the disk is asked whether there is room again: those who ask again after the second that
    /// `Retry-After` says find that it was.
    static let interval = Duration.milliseconds(500)

    /// Opens a reserve; the file is as whole as it can be by now.
    ///
    /// - Parameters:
    ///   - file: the room on the disk.
    ///   - maximumPages: the most pages that the database may have, a part of which is held back.
    ///   - clock: the steady clock.
    init(
        _ file: ReserveFile, maximumPages: Int? = nil,
        clock: @escaping @Sendable () -> MonotonicTime = { MonotonicTime.present }
    ) {
        self.file = file
        self.maximumPages = maximumPages.map(Int64.init)
        self.clock = clock
        nextLook = clock() + Self.interval
    }

    /// How many pages of the database's file are as good as the reserve.
    private var heldPages: Int64 {
        let pages = Int64(file.size / SQLiteConnection.pageSize)
        return maximumPages.map { min(pages, $0 / 8) } ?? pages
    }

    /// Why ordinary writes are not even tried; `nil` when they are.
    ///
    /// What was given up is taken again as soon as there is room for it.
    func refusal(on connection: SQLiteConnection) -> StorageError? {
        if file.isWhole || restore(connection) || keepsRoom(on: connection) { return nil }
        return Self.full
    }

    private func restore(_ connection: SQLiteConnection) -> Bool {
        let now = clock()
        guard now >= nextLook else { return false }
        nextLook = now + Self.interval
        if file.fill() { return true }
        connection.writeLogBack()
        return false
    }

    /// Whether a vital write would still find room; asked in a transaction that has made ordinary changes.
    ///
    /// Without the file, room on the disk is not to be counted upon. Free pages inside the database are: they are ours,
    /// and no other process can take them.
    func keepsRoom(on connection: SQLiteConnection) -> Bool {
        if file.isWhole, maximumPages == nil { return true }
        guard let pages = try? connection.pages() else { return false }
        let growth = file.isWhole ? max(0, (maximumPages ?? 0) - pages.count) : 0
        return pages.free + growth >= heldPages
    }

    /// Makes room for a vital write that found none: first without giving anything up, then part by part.
    ///
    /// - Parameter failures: how often room was made for this write before.
    /// - Returns: whether trying again may help.
    func makeRoom(on connection: SQLiteConnection, after failures: Int) -> Bool {
        // The limit of pages is no matter of the disk.
        guard failures == 0 || maximumPages == nil && file.shrink() else { return false }
        // At once, before another process takes what was given up: then the log begins again in its own room.
        connection.writeLogBack()
        return true
    }
}

extension SQLiteConnection {
    /// Bytes in a page of the database.
    static let pageSize = 4096

    /// How many pages the database has, and how many of them are free, as this transaction sees it.
    func pages() throws(StorageError) -> (count: Int64, free: Int64) {
        let count = try query("PRAGMA page_count") { $0.integer(0) }
        let free = try query("PRAGMA freelist_count") { $0.integer(0) }
        return (count.first ?? 0, free.first ?? 0)
    }

    /// Writes the log back into the database as far as readers let it, so that the log's own room is used again.
    ///
    /// It fails on a disk on which the database cannot grow; then nothing is lost.
    func writeLogBack() {
        _ = try? query("PRAGMA wal_checkpoint(PASSIVE)") { _ in () }
    }

    /// Holds back room for vital writes from here on: the log is written back while all of it would fit into half the
    /// reserve, and the database grows before it is written to and not page by page.
    func boundLog(by reserve: ReserveFile) throws(StorageError) {
        let pages = max(1, min(1_000, reserve.size / Self.pageSize / 2))
        try execute("PRAGMA wal_autocheckpoint=\(pages)")
        try growInChunks(of: 16 * Self.pageSize)
    }
}

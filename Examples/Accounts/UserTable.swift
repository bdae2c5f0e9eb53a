import CExampleSQLite
import Foundation

/// A user of the application.
struct User: Sendable, Equatable {
    /// A name that never changes; sessions carry it.
    let id: String
    /// What they log in with, in lower case.
    let email: String
    /// What `Passwords` made of the password.
    let passwordHash: String
    /// Whether they have followed the link that was sent to ``email``.
    let hasVerifiedEmail: Bool
    /// What they may do.
    let roles: [String]
}

/// The users, in a table of the application's own SQLite file. Tessera neither knows nor needs it.
actor UserTable {
    private let database: Database

    /// Opens the file, and makes the table where there is none.
    init(path: String) throws {
        database = try Database(path: path)
        _ = try database.run(
            """
            CREATE TABLE IF NOT EXISTS users (
                id TEXT PRIMARY KEY, email TEXT NOT NULL UNIQUE, password_hash TEXT NOT NULL,
                has_verified_email INTEGER NOT NULL DEFAULT 0, roles TEXT NOT NULL DEFAULT '') STRICT
            """)
    }

    /// Adds a user; `nil` where there is one with that address.
    func add(email: String, passwordHash: String, roles: [String] = []) throws -> User? {
        let id = UUID().uuidString.lowercased()
        let added = try database.run(
            "INSERT INTO users (id, email, password_hash, roles) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING RETURNING id",
            [id, email.lowercased(), passwordHash, roles.joined(separator: " ")])
        return added.isEmpty ? nil : try user(id: id)
    }

    /// The user with an address.
    func user(email: String) throws -> User? { try first("email = ?", email.lowercased()) }

    /// The user with an id.
    func user(id: String) throws -> User? { try first("id = ?", id) }

    /// Notes that a user has the address that they gave.
    func noteVerifiedEmail(of id: String) throws {
        _ = try database.run("UPDATE users SET has_verified_email = 1 WHERE id = ?", [id])
    }

    private func first(_ condition: String, _ value: String) throws -> User? {
        let columns = "id, email, password_hash, has_verified_email, roles"
        let rows = try database.run("SELECT \(columns) FROM users WHERE \(condition)", [value])
        return rows.first.map { row in
            User(
                id: row[0], email: row[1], passwordHash: row[2], hasVerifiedEmail: row[3] == "1",
                roles: row[4].split(separator: " ").map(String.init))
        }
    }
}

/// As much of SQLite as one table needs.
private final class Database {
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    private let handle: OpaquePointer
    private static let copied = unsafeBitCast(-1, to: sqlite3_destructor_type.self)

    init(path: String) throws {
        var opened: OpaquePointer?
        let code = sqlite3_open_v2(path, &opened, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nil)
        guard let opened, code == SQLITE_OK else {
            let reason = opened.map { String(cString: sqlite3_errmsg($0)) } ?? "no memory"
            sqlite3_close_v2(opened)
            throw Failure(description: "cannot open \(path): \(reason)")
        }
        handle = opened
        sqlite3_busy_timeout(handle, 5_000)
    }

    deinit { sqlite3_close_v2(handle) }

    /// Runs a statement, and gives its rows as texts.
    func run(_ sql: String, _ values: [String] = []) throws -> [[String]] {
        var statement: OpaquePointer?
        guard sqlite3_prepare_v2(handle, sql, -1, &statement, nil) == SQLITE_OK else { throw failure }
        defer { sqlite3_finalize(statement) }
        for (index, value) in values.enumerated() {
            sqlite3_bind_text(statement, Int32(index + 1), value, -1, Self.copied)
        }
        var rows: [[String]] = []
        while true {
            switch sqlite3_step(statement) {
            case SQLITE_ROW:
                rows.append(
                    (0..<sqlite3_column_count(statement)).map { column in
                        sqlite3_column_text(statement, column).map { String(cString: $0) } ?? ""
                    })
            case SQLITE_DONE: return rows
            default: throw failure
            }
        }
    }

    private var failure: Failure { Failure(description: String(cString: sqlite3_errmsg(handle))) }
}

import Foundation

/// A process that holds the lock of a file, by the `flock` program of Linux.
final class OtherProcess {
    private static let program = "/usr/bin/flock"
    private let process = Process()
    private let input = Pipe()

    static var isPossible: Bool { FileManager.default.isExecutableFile(atPath: program) }

    /// Starts the process and returns when it has the lock.
    init(holding path: String) throws {
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: Self.program)
        process.arguments = ["-x", path, "sh", "-c", "echo ready; read line"]
        process.standardInput = input
        process.standardOutput = output
        try process.run()
        _ = output.fileHandleForReading.availableData
    }

    /// Ends the process and returns when it is gone.
    func end() {
        try? input.fileHandleForWriting.close()
        process.waitUntilExit()
    }

    /// Whether another process could take the lock now.
    static func canLock(_ path: String) throws -> Bool {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = ["-x", "-n", path, "true"]
        try process.run()
        process.waitUntilExit()
        return process.terminationStatus == 0
    }
}

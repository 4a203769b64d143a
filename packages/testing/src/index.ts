export { type ConnectOptions, type Signalbox, startSignalbox } from './start-signalbox.js'

import { render } from 'preact'
import { App } from './app.js'
import './style/base.css'
import './style/forms.css'
import './style/frame.css'
import './style/overview.css'
import './style/semaphore.css'
import './style/signals.css'

const page = document.getElementById('page')
if (page === null) throw new Error('index.html has an element with the id "page"')
render(<App />, page)
